using System.Diagnostics;
using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.Tests.Training.Killed;
using MLNet.Gpt.Tests.Training.Lora;
using MLNet.Gpt.Tests.Training.Managed.Sequences;

namespace MLNet.Gpt.Tests.Training;

[Collection(TorchCollection.Name)]
public class KilledTrainingTests
{
    private const string Adapters = "adapters";

    [Theory]
    [InlineData(Engines.Managed)]
    [InlineData(Engines.TorchSharp)]
    [InlineData(Tasks.Responses)]
    [InlineData(Tasks.Classes)]
    [InlineData(Adapters)]
    public async Task A_process_that_is_killed_at_random_moments_and_resumed_ends_with_the_same_weights_bit_for_bit(string engine)
    {
        using var folder = new TemporaryDirectory();
        var options = Options(folder.Path, engine);
        var expected = CheckpointTests.Weights().Train(
            Data(options, engine), options with { Checkpoints = null }, cancellationToken: TestContext.Current.CancellationToken);

        int latest = 0;
        for (int kill = 0; kill < 2; kill++)
        {
            latest = await TrainAndKill(folder.Path, engine, beyondStep: latest);
            Assert.InRange(latest, 1, expected.History.Last.Step - 1);
        }

        // The checkpoint has the weights, unless adapters are trained.
        var resumed = CheckpointTests.Weights(seed: engine == Adapters ? 1 : 5).Train(
            Data(options, engine), options, cancellationToken: TestContext.Current.CancellationToken);
        CheckpointTests.AssertSame(expected, resumed);
        Assert.Equal(engine == Adapters, resumed.Adapter is not null);
        if (expected.Adapter is { } adapter) AdapterTrainingTests.AssertSame(adapter, resumed.Adapter!);
    }

    // A checkpoint after each step, so that most kills occur while one is being written.
    internal static TrainingOptions Options(string folder, string engine) => CheckpointTests.Options(EngineOf(engine)) with
    {
        Epochs = engine == Engines.TorchSharp ? 100 : 400,
        ScoreCount = Tasks.ScoreCount(engine),
        Lora = engine == Adapters ? new() { Rank = 3, Dropout = 0.2, TrainedWeights = ["final_norm.*"] } : null,
        EvaluationInterval = 50,
        Sample = null,
        Checkpoints = new(folder) { Interval = 1, Existing = ExistingCheckpoints.Resume },
    };

    // An engine, or adapters, that learn the windows of a text, or what the managed engine learns from sequences.
    internal static TrainingData Data(TrainingOptions options, string engine) =>
        engine is Tasks.Responses or Tasks.Classes ? Tasks.Data(engine, count: 10, contextLength: 16) : CheckpointTests.Data(options);

    private static string EngineOf(string engine) => engine is Engines.TorchSharp ? engine : Engines.Managed;

    private static async Task<int> TrainAndKill(string folder, string engine, int beyondStep)
    {
        var cancellation = TestContext.Current.CancellationToken;
        using var process = ChildTestRun.Start(
            typeof(TrainingToBeKilledTests).Namespace!, (TrainingToBeKilledTests.Variable, $"{engine} {folder}"));
        try
        {
            var waited = Stopwatch.StartNew();
            while (LatestStep(folder) <= beyondStep)
            {
                Assert.False(process.HasExited, "The training has ended before it was killed.");
                Assert.True(waited.Elapsed < TimeSpan.FromMinutes(2), "The training has not begun.");
                await Task.Delay(10, cancellation);
            }

            await Task.Delay(Random.Shared.Next(300), cancellation);
        }
        finally
        {
            process.Kill(); // SIGKILL: nothing of the process runs after it
        }

        await process.WaitForExitAsync(cancellation);
        return LatestStep(folder);
    }

    private static int LatestStep(string folder) => Directory.EnumerateDirectories(folder, "checkpoint-*")
        .Select(path => int.TryParse(Path.GetFileName(path)["checkpoint-".Length..], out int step) ? step : 0)
        .DefaultIfEmpty().Max();
}
