using MLNet.Gpt.Checkpoints;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Model;
using MLNet.Gpt.Tests.Runtime;
using MLNet.Gpt.Training;

namespace MLNet.Gpt.Tests.Training;

[Collection(TorchCollection.Name)]
public class CheckpointTests
{
    private static readonly GptConfig Config = GptPresets.Tiny with { DropoutRate = 0.1 };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(TrainingMode.Fast)]
    [InlineData(TrainingMode.TorchSharp)]
    [InlineData(TrainingMode.PyTorchCompatible)]
    public void A_training_that_is_cancelled_at_any_step_goes_on_bit_for_bit(TrainingMode mode)
    {
        // 4 steps an epoch: an evaluation every third, so that breaks fall on all that there is.
        var options = Options(mode);
        var whole = Weights().Train(Data(options), options, cancellationToken: Token);
        for (int step = 0; step < 12; step++)
        {
            using var folder = new TemporaryDirectory();
            var saving = options with { Checkpoints = new(folder.Path) { Interval = 1000, Existing = ExistingCheckpoints.Resume } };
            Break(saving, step);
            Break(saving, Math.Min(step + 2, 11));
            var resumed = Weights(seed: 7).Train(Data(options), saving, cancellationToken: Token);
            AssertSame(whole, resumed);
        }

        static void Break(TrainingOptions options, int step)
        {
            using var source = new CancellationTokenSource();
            var progress = new ProgressList(report =>
            {
                if (report.Step >= step) source.Cancel();
            });
            Assert.Throws<OperationCanceledException>(() => Weights().Train(Data(options), options, progress, source.Token));
        }
    }

    [Theory]
    [InlineData(TrainingMode.Fast)]
    [InlineData(TrainingMode.PyTorchCompatible)]
    public void A_training_that_ended_early_goes_on_as_if_it_had_not(TrainingMode mode)
    {
        using var folder = new TemporaryDirectory();
        var options = Options(mode) with { FinalLearningRate = null }; // else the rates would depend on the last step
        var saving = options with { Checkpoints = new(folder.Path) { Existing = ExistingCheckpoints.Resume } };
        var whole = Weights().Train(Data(options), options, cancellationToken: Token);
        foreach (int steps in (int[])[1, 4, 8]) Weights().Train(Data(options), saving with { MaxSteps = steps }, cancellationToken: Token);
        AssertSame(whole, Weights().Train(Data(options), saving, cancellationToken: Token));
    }

    [Fact]
    public void An_evaluation_that_is_cancelled_is_done_when_training_goes_on()
    {
        using var folder = new TemporaryDirectory();
        var options = Options(TrainingMode.PyTorchCompatible);
        var whole = Weights().Train(Data(options), options, cancellationToken: Token);

        var saving = options with { Checkpoints = new(folder.Path) { Existing = ExistingCheckpoints.Resume } };
        using (var module = GptModule.FromWeights(Weights()))
        using (var engine = new CancellingEngine(new TorchEngine(module, saving), afterUpdates: 4, batches: 2))
        {
            var loop = new TrainingLoop(engine, Data(saving), saving, null, engine.Token);
            Assert.Throws<OperationCanceledException>(loop.Run);
        }

        AssertSame(whole, Weights().Train(Data(options), saving, cancellationToken: Token));
    }

    [Fact]
    public void The_latest_checkpoints_are_kept_and_the_best_weights_with_them()
    {
        using var folder = new TemporaryDirectory();
        double[] losses = [9, 8, 7, 3, 5, 5, 5, 5, 5, 5, 5];
        var progress = new ProgressList();
        var options = new TrainingOptions
        {
            MaxSteps = 10, EvaluationInterval = 1, KeepsBest = true, Checkpoints = new(folder.Path) { Interval = 2, Keep = 2 },
        };
        new TrainingLoop(new ScriptedEngine { Loss = updates => losses[updates] }, Data(options), options, progress, Token).Run();
        Assert.Equal(["best-3", "checkpoint-10", "checkpoint-8"], Folders(folder.Path));
        Assert.Equal([2, 4, 6, 8, 10], progress.All.Where(report => report.Checkpoint is not null).Select(report => report.Step));

        // A resumed training has the best weights from the folder.
        var loop = new TrainingLoop(
            new ScriptedEngine { Loss = _ => 4 }, Data(options), options with { MaxSteps = 12, Checkpoints = options.Checkpoints with { Existing = ExistingCheckpoints.Resume } }, null, Token);
        Assert.Equal(13, loop.Run().Points.Count);
        Assert.Equal(3, loop.BestWeights![WeightNames.TokenEmbedding][0]);
    }

    [Fact]
    public void What_a_killed_process_left_half_written_is_removed_and_never_read()
    {
        using var folder = new TemporaryDirectory();
        string remnant = Path.Combine(folder.Path, "checkpoint-99.0123456789abcdef0123456789abcdef.tmp");
        Directory.CreateDirectory(remnant);
        File.WriteAllText(Path.Combine(remnant, "training.json"), "{");
        var options = Options(TrainingMode.Fast) with { MaxSteps = 2, KeepsBest = false, Checkpoints = new(folder.Path) { Existing = ExistingCheckpoints.Resume } };
        Assert.Equal(2, Weights().Train(Data(options), options, cancellationToken: Token).History.Last.Step);
        Assert.Equal(["checkpoint-2"], Folders(folder.Path));
    }

    [Fact]
    public void A_checkpoints_model_can_be_loaded_like_any_other()
    {
        using var folder = new TemporaryDirectory();
        var options = Options(TrainingMode.Fast) with { MaxSteps = 3, Checkpoints = new(folder.Path) { Tokenizer = TinyModels.Words } };
        var trained = Weights().Train(Data(options), options, cancellationToken: Token);
        using var saved = GptCheckpoint.Open(Path.Combine(folder.Path, "checkpoint-3", "model.safetensors"));
        TorchEngineTests.AssertEqual(trained.Weights, saved);
        Assert.Equal(61, saved.Tokenizer!.VocabularySize);
    }

    [Fact]
    public void A_folder_with_checkpoints_is_not_overwritten_unasked()
    {
        using var folder = new TemporaryDirectory();
        var options = Options(TrainingMode.Fast) with { MaxSteps = 2, Checkpoints = new(folder.Path) };
        Weights().Train(Data(options), options, cancellationToken: Token);
        Weights().Train(Data(options), options with { MaxSteps = 1, Checkpoints = options.Checkpoints with { Existing = ExistingCheckpoints.Replace } }, cancellationToken: Token);
        Assert.Equal(1, options.Checkpoints.FindLatestStep());
        Assert.Contains("of step 1", Assert.Throws<IOException>(() => Weights().Train(Data(options), options, cancellationToken: Token)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_training_with_another_course_is_refused_with_both_values()
    {
        using var folder = new TemporaryDirectory();
        var options = Options(TrainingMode.Fast) with { MaxSteps = 2, Checkpoints = new(folder.Path) { Existing = ExistingCheckpoints.Resume } };
        Weights().Train(Data(options), options, cancellationToken: Token);
        Refused(options with { BatchSize = 4 }, "BatchSize is 4;", "made with 3");
        Refused(options with { Seed = 5 }, "Seed is 5;", "made with 123");
        Refused(options with { Mode = TrainingMode.PyTorchCompatible }, "Mode is PyTorchCompatible;", "made with Fast");
        Refused(options with { ValidationFraction = 0.5 }, "training windows", "made with 11");
        Refused(options with { FrozenWeights = ["tok_emb.*"] }, "FrozenWeights is tok_emb.*;", "made with");

        static void Refused(TrainingOptions options, params string[] parts)
        {
            string message = Assert.Throws<ArgumentException>(() => Weights().Train(Data(options), options, cancellationToken: Token)).Message;
            Assert.All(parts, part => Assert.Contains(part, message, StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("training.json")]
    [InlineData("engine.safetensors")]
    [InlineData("model.safetensors")]
    public void A_damaged_checkpoint_is_refused_with_its_name(string file)
    {
        using var folder = new TemporaryDirectory();
        var options = Options(TrainingMode.Fast) with { MaxSteps = 2, Checkpoints = new(folder.Path) { Existing = ExistingCheckpoints.Resume } };
        Weights().Train(Data(options), options, cancellationToken: Token);
        string path = Path.Combine(folder.Path, "checkpoint-2", file);
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^20]);
        Assert.Contains(file, Assert.Throws<InvalidDataException>(() => Weights().Train(Data(options), options, cancellationToken: Token)).Message, StringComparison.Ordinal);
    }

    internal static TrainingOptions Options(TrainingMode mode) => new()
    {
        Mode = mode, Epochs = 3, BatchSize = 3, EvaluationInterval = 3, EvaluationBatches = 2, LearningRate = 3e-3, FinalLearningRate = 0, KeepsBest = true,
        Sample = new("w1 w2") { Tokenizer = TinyModels.Words, Generation = new() { MaxTokens = 4 } },
    };

    internal static TrainingData Data(TrainingOptions options) =>
        TrainingData.FromTokens(TrainerTests.Tokens(180), Config.ContextLength, Config.VocabularySize, options);

    internal static GptWeights Weights(long seed = 1)
    {
        using var module = GptModule.Create(Config, seed);
        return module.ToWeights();
    }

    internal static void AssertSame(TrainingResult expected, TrainingResult actual)
    {
        TorchEngineTests.AssertEqual(expected.Weights, actual.Weights);
        Assert.Equal(expected.History.Points.Select(Bare), actual.History.Points.Select(Bare));
        Assert.Equal(expected.History.Samples, actual.History.Samples);

        static TrainingPoint Bare(TrainingPoint point) => point with { Elapsed = default };
    }

    private static string[] Folders(string path) => [.. Directory.GetDirectories(path).Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal)];
}
