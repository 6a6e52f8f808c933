
namespace MLNet.Gpt.Tests.Training;

public class TrainingDataTests
{
    [Fact]
    public void The_end_of_the_tokens_is_held_out_for_validation()
    {
        int[] tokens = TrainerTests.Tokens(100);
        var data = TrainingData.FromTokens(tokens, contextLength: 8, vocabularySize: 61, new() { ValidationFraction = 0.25 });
        Assert.Equal(74, data.Training.TargetCount);
        Assert.Equal(24, data.Validation!.TargetCount);
        Assert.Equal(tokens[..8], data.Training.Inputs(0).ToArray());
        Assert.Equal(tokens[75..83], data.Validation.Inputs(0).ToArray());
    }

    [Fact]
    public void Without_a_validation_fraction_there_is_no_validation() =>
        Assert.Null(TrainingData.FromTokens(TrainerTests.Tokens(100), 8, 61, new() { ValidationFraction = 0 }).Validation);

    [Fact]
    public void A_token_outside_the_vocabulary_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => TrainingData.FromTokens(new int[] { 1, 61, 2, 3 }, 8, 61, new()));

    [Fact]
    public void A_single_token_has_nothing_to_predict() =>
        Assert.Throws<ArgumentException>(() => TrainingData.FromTokens(new int[] { 1 }, 8, 61, new()));
}
