using MLNet.Gpt.Tests.TorchSharp;

namespace MLNet.Gpt.Tests.Training.Killed;

/// <summary>What <see cref="KilledTrainingTests"/> runs in a separate process and kills.</summary>
[Collection(TorchCollection.Name)]
public class TrainingToBeKilledTests
{
    public const string Variable = "MLNET_GPT_TRAINING_TO_BE_KILLED";

    [Fact]
    public void It_trains()
    {
        string[]? asked = Environment.GetEnvironmentVariable(Variable)?.Split(' ', 2);
        Assert.SkipWhen(asked is null, "This is asked in a process of its own only.");
        var options = KilledTrainingTests.Options(folder: asked[1], asked[0]);
        CheckpointTests.Weights().Train(
            KilledTrainingTests.Data(options, asked[0]), options, cancellationToken: TestContext.Current.CancellationToken);
    }
}
