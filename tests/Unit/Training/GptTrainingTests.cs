namespace MLNet.Gpt.Tests.Training;

public class GptTrainingTests
{
    private static readonly TrainingOptions Options = new() { BatchSize = 2, MaxSteps = 4, EvaluationBatches = 1 };

    [Fact]
    public async Task Asynchronous_training_ends_with_the_same_weights_and_can_be_canceled()
    {
        var weights = TinyModels.Weights(GptPresets.Tiny, seed: 1);
        var data = TrainingData.FromTokens(
            TrainerTests.Tokens(100), GptPresets.Tiny.ContextLength, GptPresets.Tiny.VocabularySize, Options);
        var token = TestContext.Current.CancellationToken;
        var expected = weights.Train(data, Options, cancellationToken: token);

        var actual = await weights.TrainAsync(data, Options, cancellationToken: token);

        CheckpointTests.AssertSame(expected, actual);
        using var source = new CancellationTokenSource();
        var cancel = new ProgressList(_ => source.Cancel());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => weights.TrainAsync(data, Options, cancel, source.Token));
        Assert.Single(cancel.All);
    }
}
