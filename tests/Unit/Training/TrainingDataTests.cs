
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
    public void Sequences_are_counted_by_their_targets()
    {
        int[] ids = [1, 2, 3, 4];
        var data = TrainingData.FromSequences([new(ids), new(ids) { FirstTarget = 2 }], [new(ids) { FirstTarget = 3 }], 3, 61);
        Assert.Equal((2, 1, 5L), (data.TrainingCount, data.ValidationCount, data.TargetCount));
        Assert.Throws<InvalidOperationException>(() => data.Training);
        Assert.Equal(1, TrainingData.FromSequences([new(ids) { Value = 1.5f }], null, 4, 61).TargetCount);
    }

    [Fact]
    public void Sequences_that_cannot_be_learned_are_refused_by_their_index()
    {
        int[] ids = [1, 2, 3, 4];
        Refuse("Sequence 1 has 5 tokens, of which the model reads 4; it reads at most 3", new(ids), new((int[])[1, 2, 3, 4, 5]));
        Refuse("Sequence 1 has 4 tokens, of which the model reads 4; it reads", new(ids.AsMemory(1)) { Label = 0 }, new(ids) { Label = 1 });
        Refuse("Sequence 1 has a label, but sequence 0 has neither", new(ids), new(ids.AsMemory(1)) { Label = 0 });
        Refuse("Sequence 0 has both", new TrainingSequence(ids.AsMemory(1)) { Label = 0, Value = 0 });
        Refuse("Sequence 0 has 1 token", new TrainingSequence((int[])[1]));
        Refuse("No target of the 1 sequence counts", new TrainingSequence(ids) { FirstTarget = 4 });
        Refuse("There are no sequences");
        Refuse("61", new TrainingSequence((int[])[1, 61]));
        var mixed = Assert.Throws<ArgumentException>(
            () => TrainingData.FromSequences([new(ids)], [new(ids.AsMemory(1)) { Label = 0 }], 3, 61));
        Assert.Contains("those for validation have a label", mixed.Message, StringComparison.Ordinal);

        Assert.Throws<ArgumentException>(() => new TrainingSequence(Array.Empty<int>()));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TrainingSequence(ids) { FirstTarget = 5 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new TrainingSequence(ids) { Label = -1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new TrainingSequence(ids) { Value = float.NaN });

        static void Refuse(string part, params TrainingSequence[] sequences) => Assert.Contains(
            part, Assert.ThrowsAny<ArgumentException>(() => TrainingData.FromSequences(sequences, null, 3, 61)).Message);
    }

    [Fact]
    public void A_single_token_has_nothing_to_predict() =>
        Assert.Throws<ArgumentException>(() => TrainingData.FromTokens(new int[] { 1 }, 8, 61, new()));
}
