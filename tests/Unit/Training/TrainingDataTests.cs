
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

    [Theory]
    [InlineData(131072, null, 1024)]
    [InlineData(256, null, 256)]
    [InlineData(131072, 2048, 2048)]
    public void A_window_is_as_long_as_the_context_but_by_default_at_most_1024(int contextLength, int? windowLength, int expected)
    {
        var data = TrainingData.FromTokens(
            TrainerTests.Tokens(5000), contextLength, 61, new() { WindowLength = windowLength, ValidationFraction = 0 });
        Assert.Equal(expected, data.Training.Inputs(0).Length);
    }

    [Fact]
    public void A_window_longer_than_the_context_is_refused() => Assert.Contains(
        "WindowLength is 9; it must be from 1 to 8",
        Assert.Throws<ArgumentOutOfRangeException>(
            () => TrainingData.FromTokens(TrainerTests.Tokens(100), 8, 61, new() { WindowLength = 9 })).Message);

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
