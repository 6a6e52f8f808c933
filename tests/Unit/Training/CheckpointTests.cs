using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.TorchSharp;
using MLNet.Gpt.Training;

namespace MLNet.Gpt.Tests.Training;

[Collection(TorchCollection.Name)]
public class CheckpointTests
{
    private static readonly GptConfig Config = GptPresets.Tiny with { DropoutRate = 0.1 };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Engines.Managed)]
    [InlineData(Engines.TorchSharp)]
    [InlineData(Engines.PyTorchExact)]
    public void Training_canceled_at_any_step_resumes_bit_for_bit(string engine)
    {
        // 4 steps per epoch and an evaluation every third, so that interruptions hit every kind of step.
        var options = Options(engine);
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
    [InlineData(Engines.Managed)]
    [InlineData(Engines.PyTorchExact)]
    public void Training_that_ended_early_resumes_as_if_it_had_not(string engine)
    {
        using var folder = new TemporaryDirectory();
        // otherwise the rates would depend on the last step
        var options = Options(engine) with { FinalLearningRate = null, Decay = LearningRateDecay.None };
        var saving = options with { Checkpoints = new(folder.Path) { Existing = ExistingCheckpoints.Resume } };
        var whole = Weights().Train(Data(options), options, cancellationToken: Token);
        foreach (int steps in (int[])[1, 4, 8]) Weights().Train(Data(options), saving with { MaxSteps = steps }, cancellationToken: Token);
        AssertSame(whole, Weights().Train(Data(options), saving, cancellationToken: Token));
    }

    [Fact]
    public void A_canceled_evaluation_is_repeated_when_training_resumes()
    {
        using var folder = new TemporaryDirectory();
        var options = Options(Engines.PyTorchExact);
        var whole = Weights().Train(Data(options), options, cancellationToken: Token);

        var saving = options with { Checkpoints = new(folder.Path) { Existing = ExistingCheckpoints.Resume } };
        using (var module = GptModule.FromWeights(Weights()))
        using (var engine = new CancellingEngine(new ModuleNetwork(module, saving), afterUpdates: 4, batches: 2))
        {
            using var loop = new TrainingLoop(engine, Data(saving), saving, null, engine.Token);
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
            Epochs = 10,
            BatchSize = 2,
            ValidationFraction = 0.1,
            MaxSteps = 10,
            EvaluationInterval = 1,
            KeepBest = true,
            Checkpoints = new(folder.Path) { Interval = 2, Keep = 2 },
        };
        using (
            var first = new TrainingLoop(
                new ScriptedEngine { Loss = updates => losses[updates] }, Data(options), options, progress, Token)) first.Run();
        Assert.Equal(["best-3", "checkpoint-10", "checkpoint-8"], Folders(folder.Path));
        Assert.Equal([2, 4, 6, 8, 10], progress.All.Where(report => report.Checkpoint is not null).Select(report => report.Step));

        // Resumed training has the best weights from the folder.
        using var loop = new TrainingLoop(
            new ScriptedEngine { Loss = _ => 4 },
            Data(options),
            options with { MaxSteps = 12, Checkpoints = options.Checkpoints with { Existing = ExistingCheckpoints.Resume } },
            null,
            Token);
        Assert.Equal(13, loop.Run().Points.Count);
        Assert.Equal(3, loop.BestWeights![WeightNames.TokenEmbedding][0]);
    }

    [Fact]
    public void Incomplete_files_of_a_killed_process_are_removed_and_never_read()
    {
        using var folder = new TemporaryDirectory();
        string remnant = Path.Combine(folder.Path, "checkpoint-99.0123456789abcdef0123456789abcdef.tmp");
        Directory.CreateDirectory(remnant);
        File.WriteAllText(Path.Combine(remnant, "training.json"), "{");
        var options = Options(Engines.Managed) with
        {
            MaxSteps = 2, KeepBest = false, Checkpoints = new(folder.Path) { Existing = ExistingCheckpoints.Resume },
        };
        Assert.Equal(2, Weights().Train(Data(options), options, cancellationToken: Token).History.Last.Step);
        Assert.Equal(["checkpoint-2"], Folders(folder.Path));
    }

    [Fact]
    public void A_checkpoints_model_can_be_loaded_like_any_other()
    {
        using var folder = new TemporaryDirectory();
        var options = Options(Engines.Managed) with { MaxSteps = 3, Checkpoints = new(folder.Path) { Tokenizer = TinyModels.Words } };
        var trained = Weights().Train(Data(options), options, cancellationToken: Token);
        using var saved = GptCheckpoint.Open(Path.Combine(folder.Path, "checkpoint-3", "model.safetensors"));
        ModuleNetworkTests.AssertEqual(trained.Weights, saved);
        Assert.Equal(61, saved.Tokenizer!.VocabularySize);
        Assert.Equal([Path.Combine(folder.Path, "checkpoint-3", "model.safetensors")], options.Checkpoints.FindModels());
    }

    [Fact]
    public void A_folder_with_checkpoints_is_not_overwritten_without_asking()
    {
        using var folder = new TemporaryDirectory();
        var options = Options(Engines.Managed) with { MaxSteps = 2, Checkpoints = new(folder.Path) };
        Weights().Train(Data(options), options, cancellationToken: Token);
        Weights().Train(
            Data(options),
            options with { MaxSteps = 1, Checkpoints = options.Checkpoints with { Existing = ExistingCheckpoints.Replace } },
            cancellationToken: Token);
        Assert.Equal(1, options.Checkpoints.FindLatestStep());
        Assert.Contains(
            "of step 1",
            Assert.Throws<IOException>(() => Weights().Train(Data(options), options, cancellationToken: Token)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Training_with_other_settings_is_refused_with_both_values()
    {
        using var folder = new TemporaryDirectory();
        var options =
            Options(Engines.Managed) with { MaxSteps = 2, Checkpoints = new(folder.Path) { Existing = ExistingCheckpoints.Resume } };
        Weights().Train(Data(options), options, cancellationToken: Token);
        Refused(options with { BatchSize = 4 }, "BatchSize is 4 and was 3");
        Refused(options with { Seed = 5 }, "Seed is 5 and was 123");
        Refused(options with { Engine = TorchSharpEngine.PyTorchExact }, "Engine is PyTorchExact and was Managed");
        Refused(options with { ValidationFraction = 0.5 }, "training windows is 6 and was 11");
        Refused(options with { FrozenWeights = ["tok_emb.*"] }, "FrozenWeights is tok_emb.* and was empty");

        static void Refused(TrainingOptions options, params string[] parts)
        {
            string message =
                Assert.Throws<ArgumentException>(() => Weights().Train(Data(options), options, cancellationToken: Token)).Message;
            Assert.All(parts, part => Assert.Contains(part, message, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Other_data_and_other_settings_of_the_optimizer_are_refused_and_named()
    {
        using var folder = new TemporaryDirectory();
        var options =
            Options(Engines.Managed) with { MaxSteps = 2, Checkpoints = new(folder.Path) { Existing = ExistingCheckpoints.Resume } };
        Weights().Train(Data(options), options, cancellationToken: Token);

        int[] other = TrainerTests.Tokens(180), otherValidation = TrainerTests.Tokens(180);
        other[50]++;
        otherValidation[170]++;
        Refused(other, options, "the training text (SHA-256 of its token ids) is");
        Refused(otherValidation, options, "the validation text (SHA-256 of its token ids) is");
        int[] same = TrainerTests.Tokens(180);
        Refused(same, options with { Beta1 = 0.8 }, "Beta1 is 0.8 and was 0.9");
        Refused(same, options with { Beta2 = 0.95 }, "Beta2 is 0.95 and was 0.999");
        Refused(same, options with { Epsilon = 1e-6 }, "Epsilon is 1E-06 and was 1E-08");
        Refused(same, options with { WeightDecay = 0.01 }, "WeightDecay is 0.01 and was 0.1");
        Refused(same, options with { DecayMatricesOnly = true }, "DecayMatricesOnly is True and was False");
        Refused(same, options with { LabelSmoothing = 0.1 }, "LabelSmoothing is 0.1 and was 0");
        Refused(same, options with { EvaluationBatches = null }, "EvaluationBatches is all and was 2");
        Refused(same, options with { Beta1 = 0.8, WeightDecay = 0.2 }, "Beta1 is 0.8 and was 0.9; WeightDecay is 0.2 and was 0.1");

        // What may change.
        var changed = options with
        {
            Epochs = 9,
            MaxSteps = 4,
            LearningRate = 1e-3,
            FinalLearningRate = 1e-4,
            Decay = LearningRateDecay.Linear,
            WarmUpSteps = 3,
            GradientClipping = 0.5,
            EvaluationInterval = 2,
            OnDivergence = DivergencePolicy.Stop,
            Patience = 5,
            Sample = null,
            MaxDuration = TimeSpan.FromHours(1),
            Checkpoints = options.Checkpoints with { Interval = 1, Keep = 1, Tokenizer = TinyModels.Words },
        };
        Assert.Equal(4, Weights().Train(Data(changed), changed, cancellationToken: Token).History.Last.Step);
        var withoutBest = changed with { KeepBest = false, Patience = null, EvaluationBatches = 1, MaxSteps = 6 };
        Assert.Equal(6, Weights().Train(Data(withoutBest), withoutBest, cancellationToken: Token).History.Last.Step);

        static void Refused(int[] tokens, TrainingOptions options, string part)
        {
            var data = TrainingData.FromTokens(tokens, Config.ContextLength, Config.VocabularySize, options);
            Assert.Contains(
                part,
                Assert.Throws<ArgumentException>(() => Weights().Train(data, options, cancellationToken: Token)).Message,
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_same_ids_are_the_same_data_wherever_they_are_stored()
    {
        using var folder = new TemporaryDirectory();
        var options = Options(Engines.Managed) with
        {
            MaxSteps = 2,
            Checkpoints = new(Path.Combine(folder.Path, "run")) { Existing = ExistingCheckpoints.Resume },
        };
        Weights().Train(Data(options), options, cancellationToken: Token);
        string path = Path.Combine(folder.Path, "tokens.bin");
        TokenFileBuilder.FromTexts(
            path, [string.Join(' ', TrainerTests.Tokens(180).Select(id => id == 60 ? "<|endoftext|>" : $"w{id}"))], TinyModels.Words);
        using var tokens = TokenFile.Open(path);
        Assert.Equal(180, tokens.Count);
        var data = TrainingData.FromTokens(tokens, Config.ContextLength, Config.VocabularySize, options);
        Assert.Equal(4, Weights().Train(data, options with { MaxSteps = 4 }, cancellationToken: Token).History.Last.Step);
    }

    [Theory]
    [InlineData(Engines.Managed)]
    [InlineData(Engines.TorchSharp)]
    [InlineData(Engines.PyTorchExact)]
    public void Training_that_diverged_or_failed_in_a_step_resumes_bit_for_bit_as_if_it_had_not(string engineName)
    {
        var options = Options(engineName);
        var whole = Weights().Train(Data(options), options, cancellationToken: Token);
        foreach (int step in (int[])[2, 5, 8, 9]) // 4 steps per epoch: 5 and 9 begin one
        {
            using var folder = new TemporaryDirectory();
            var saving = options with { Checkpoints = new(folder.Path) { Interval = 1000, Existing = ExistingCheckpoints.Resume } };
            using (
                var engine = new DivergingEngine(
                    saving.Engine.CreateNetwork(Weights(), saving), step, step == 9 ? new OutOfMemoryException() : null))
            using (var loop = new TrainingLoop(engine, Data(saving), saving, null, Token))
            {
                if (step == 9) Assert.Throws<OutOfMemoryException>(loop.Run);
                else Assert.Equal(step, Assert.Throws<TrainingDivergedException>(loop.Run).Step);
            }

            Assert.Equal(step - 1, saving.Checkpoints.FindLatestStep());
            AssertSame(whole, Weights(seed: 7).Train(Data(options), saving, cancellationToken: Token));
        }
    }

    [Theory]
    [InlineData("training.json")]
    [InlineData("engine.safetensors")]
    [InlineData("model.safetensors")]
    public void A_damaged_checkpoint_is_refused_with_its_name(string file)
    {
        using var folder = new TemporaryDirectory();
        var options =
            Options(Engines.Managed) with { MaxSteps = 2, Checkpoints = new(folder.Path) { Existing = ExistingCheckpoints.Resume } };
        Weights().Train(Data(options), options, cancellationToken: Token);
        string path = Path.Combine(folder.Path, "checkpoint-2", file);
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^20]);
        Assert.Contains(
            file,
            Assert.Throws<InvalidDataException>(() => Weights().Train(Data(options), options, cancellationToken: Token)).Message,
            StringComparison.Ordinal);
    }

    internal static TrainingOptions Options(string engine) => new()
    {
        Engine = Engines.Named(engine),
        Epochs = 3,
        BatchSize = 3,
        ValidationFraction = 0.1,
        EvaluationInterval = 3,
        EvaluationBatches = 2,
        LearningRate = 3e-3,
        FinalLearningRate = 0,
        WarmUpSteps = 0, KeepBest = true,
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
        ModuleNetworkTests.AssertEqual(expected.Weights, actual.Weights);
        Assert.Equal(expected.History.Points.Select(WithoutTime), actual.History.Points.Select(WithoutTime));
        Assert.Equivalent(expected.History.Samples, actual.History.Samples, strict: true);

        static object WithoutTime(TrainingPoint point) =>
            (point.Step, point.Epoch, point.EpochsDone, point.TokensSeen, point.TrainingLoss, point.ValidationLoss, point.LearningRate);
    }

    private static string[] Folders(string path) =>
        [.. Directory.GetDirectories(path).Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal)];
}
