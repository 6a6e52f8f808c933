using System.Text.Json.Nodes;
using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.Training.Checkpoints;
using MLNet.Gpt.Training.Engines;

namespace MLNet.Gpt.Tests.Training;

/// <summary>Checkpoints whose files were changed, lost, or written by an earlier version.</summary>
public sealed class DamagedCheckpointTests : IDisposable
{
    private static readonly string[] Files = ["model.safetensors", "engine.safetensors", "training.json", "manifest.json"];

    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_flipped_bit_anywhere_is_detected_and_the_previous_checkpoint_is_used_with_a_warning()
    {
        var random = new Random(20261127);
        Train(6, ExistingCheckpoints.Refuse, interval: 3);
        Assert.Equal((6, 0), Restore());
        for (int flip = 0; flip < 180; flip++)
        {
            // Each file equally often, including the best weights that the checkpoint refers to.
            string file = (flip % 6) switch
            {
                4 =>
                    Path.Combine("best-6", "model.safetensors"), 5 =>
                        Path.Combine("best-6", "manifest.json"), var i => Path.Combine("checkpoint-6", Files[i]),
            };
            Assert.Equal((3, 1), Restore(file));
        }

        (int Step, int Warnings) Restore(string? file = null)
        {
            using var folder = new TemporaryDirectory();
            Copy(_folder.Path, folder.Path);
            if (file is not null)
            {
                byte[] bytes = File.ReadAllBytes(Path.Combine(folder.Path, file));
                bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
                File.WriteAllBytes(Path.Combine(folder.Path, file), bytes);
            }

            var options = Options(6);
            using var engine = Engine();
            using var checkpoints = new CheckpointFolder(
                options.Checkpoints! with { Folder = folder.Path }, options.Fingerprint(Data(options), Token));
            var restored = checkpoints.Restore(engine, keepsBest: true);
            Assert.All(checkpoints.Warnings, warning => Assert.Contains("checkpoint-6'", warning, StringComparison.Ordinal));
            return (restored!.Value.State.Step, checkpoints.Warnings.Count);
        }
    }

    [Theory]
    [InlineData("checkpoint-6/training.json")]
    [InlineData("checkpoint-6/engine.safetensors")]
    [InlineData("checkpoint-6/model.safetensors")]
    [InlineData("checkpoint-6/manifest.json")]
    [InlineData("best-6/model.safetensors")]
    public void A_missing_file_is_named_in_the_warning_and_training_resumes_from_the_previous_checkpoint(string file)
    {
        var whole = Train(9, ExistingCheckpoints.Refuse, interval: 3);
        Directory.Delete(_folder.Path, recursive: true);
        Directory.CreateDirectory(_folder.Path);
        Train(6, ExistingCheckpoints.Refuse, interval: 3);
        File.Delete(Path.Combine(_folder.Path, file));
        var progress = new ProgressList();

        var resumed = Train(9, ExistingCheckpoints.Resume, interval: 3, progress);

        string warning = Assert.Single(progress.All.SelectMany(report => report.Warnings));
        Assert.Contains(Path.Combine(_folder.Path, "checkpoint-6"), warning, StringComparison.Ordinal);
        Assert.Contains($"{file}' is missing", warning, StringComparison.Ordinal);
        Assert.Equal(3, progress.All[0].Step);
        CheckpointTests.AssertSame(whole, resumed);
        Assert.Equal(9, new CheckpointOptions(_folder.Path).FindLatestStep());

        // The damaged one has been replaced by an intact one.
        Assert.Empty(Directory.GetDirectories(_folder.Path, "checkpoint-*.2"));
        var again = new ProgressList();
        Train(9, ExistingCheckpoints.Resume, interval: 3, again);
        Assert.Empty(again.All.SelectMany(report => report.Warnings));
    }

    [Theory]
    [InlineData("training.json")]
    [InlineData("engine.safetensors")]
    [InlineData("model.safetensors")]
    [InlineData("manifest.json")]
    public void If_no_checkpoint_is_intact_training_is_refused_and_the_fault_is_named(string file)
    {
        Train(6, ExistingCheckpoints.Refuse, interval: 3);
        foreach (int step in (int[])[3, 6]) File.Delete(Path.Combine(_folder.Path, $"checkpoint-{step}", file));
        string message = Assert.Throws<InvalidDataException>(() => Train(9, ExistingCheckpoints.Resume)).Message;
        Assert.Contains($"'{Path.Combine(_folder.Path, "checkpoint-6", file)}' is missing.", message, StringComparison.Ordinal);
        Assert.Contains("None of the 2 checkpoints", message, StringComparison.Ordinal);
        Assert.Throws<IOException>(() => Train(9, ExistingCheckpoints.Refuse));
    }

    [Fact]
    public void A_folder_of_the_first_version_is_resumed_with_its_best_weights()
    {
        CopyFirstVersion();
        var options = FirstVersionOptions(steps: 6);
        using (var engine = Engine(FirstVersionConfig))
        using (var checkpoints = new CheckpointFolder(options.Checkpoints!, options.Fingerprint(FirstVersionData(options), Token)))
        {
            var (state, best) = checkpoints.Restore(engine, keepsBest: true)!.Value;
            Assert.Equal((6, 6, 4.037607041478008), (state.Step, state.BestStep, state.BestLoss));
            Assert.Equal([0, 3, 6], state.Points.Select(point => point.Step));
            using var stored = GptCheckpoint.Open(Path.Combine(_folder.Path, "checkpoint-6", "model.safetensors"));
            ModuleNetworkTests.AssertEqual(stored, engine.Weights);
            ModuleNetworkTests.AssertEqual(stored, best!.Weights!);
            Assert.Equal(6, BitConverter.ToInt64(engine.CaptureState()["adamw.step"]));
            Assert.Empty(checkpoints.Warnings);
        }

        // It writes the current version from here on, and nothing of the first version is left in the end.
        var history = TinyModels.Weights(FirstVersionConfig, seed: 1)
            .Train(FirstVersionData(options), options with { MaxSteps = 12 }, cancellationToken: Token).History;
        Assert.Equal([0, 3, 6, 9, 12], history.Points.Select(point => point.Step));
        Assert.All(
            Directory.GetDirectories(_folder.Path), folder => Assert.True(File.Exists(Path.Combine(folder, "manifest.json")), folder));
        Assert.Equal(
            ["checkpoint-12", "checkpoint-9"],
            Directory.GetDirectories(_folder.Path, "checkpoint-*").Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Contains("Seed is 5 and was 123", Assert.Throws<ArgumentException>(
            () =>
                TinyModels.Weights(FirstVersionConfig, seed: 1).Train(
                    FirstVersionData(options),
                    options with { MaxSteps = 12, Seed = 5 },
                    cancellationToken: Token)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_of_the_first_version_is_replaced_with_its_best_weights()
    {
        CopyFirstVersion();
        var options = FirstVersionOptions(steps: 3);
        TinyModels.Weights(FirstVersionConfig, seed: 1).Train(
            FirstVersionData(options),
            options with { Checkpoints = options.Checkpoints! with { Existing = ExistingCheckpoints.Replace } },
            cancellationToken: Token);
        Assert.Equal(
            ["best-3", "checkpoint-3"], Directory.GetDirectories(_folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("step", -5)]
    [InlineData("step", 2147483647)]
    [InlineData("step", 7)]
    [InlineData("tokensSeen", -1)]
    [InlineData("skippedSteps", 7)]
    [InlineData("skippedInARow", 1)]
    [InlineData("bestStep", 9)]
    [InlineData("bestStep", -9)]
    [InlineData("evaluationsSinceBest", -1)]
    [InlineData("points", null)]
    [InlineData("samples", null)]
    public void An_impossible_state_is_refused(string name, int? value)
    {
        CopyFirstVersion();
        string path = Path.Combine(_folder.Path, "checkpoint-6", "training.json");
        var json = JsonNode.Parse(File.ReadAllText(path))!;
        json["state"]![name] = value is { } number ? number : null;
        File.WriteAllText(path, json.ToJsonString());
        Assert.Contains("'training.json", "'" + Refused(path), StringComparison.Ordinal);

        string Refused(string file)
        {
            var options = FirstVersionOptions(steps: 9);
            string message = Assert.Throws<InvalidDataException>(
                () =>
                    TinyModels.Weights(FirstVersionConfig, seed: 1)
                        .Train(FirstVersionData(options), options, cancellationToken: Token)).Message;
            Assert.StartsWith($"'{file}' is damaged", message, StringComparison.Ordinal);
            return Path.GetFileName(file);
        }
    }

    [Theory]
    [InlineData(0x7FFF_FFFFL)]
    [InlineData(0x7FFF_FFFF_FFFF_FFFFL)]
    [InlineData(-1L)]
    [InlineData(100_000_000L)]
    public void A_header_that_claims_more_than_the_file_has_allocates_no_memory(long length) =>
        RefusedCheaply([.. BitConverter.GetBytes(length), .. "{}   "u8]);

    [Theory]
    [InlineData("""{"a":{"dtype":"U8","shape":[2000000000],"data_offsets":[0,2000000000]}}""")]
    [InlineData("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""")]
    [InlineData("""{"a":{"dtype":"U8","data_offsets":[0,4]}}""")]
    [InlineData("""{"a":{"dtype":"U8","shape":null,"data_offsets":[0,4]}}""")]
    [InlineData("""{"a":null}""")]
    [InlineData("[1]")]
    [InlineData("")]
    public void A_state_that_violates_the_format_is_refused(string header) =>
        RefusedCheaply([.. BitConverter.GetBytes((long)header.Length), .. System.Text.Encoding.UTF8.GetBytes(header), 1, 2, 3, 4]);

    private void RefusedCheaply(byte[] file)
    {
        string path = Path.Combine(_folder.Path, "engine.safetensors");
        File.WriteAllBytes(path, file);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains(path, Assert.Throws<InvalidDataException>(() => EngineStateFile.Read(path)).Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    private static readonly GptConfig FirstVersionConfig = new()
    {
        VocabularySize = 61, ContextLength = 16, EmbeddingWidth = 8, HeadCount = 2, LayerCount = 1, DropoutRate = 0.1,
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static ManagedEngine Engine(GptConfig? config = null) =>
        new(TinyModels.Weights(config ?? GptPresets.Tiny with { DropoutRate = 0.1 }, seed: 3));

    private static TrainingData FirstVersionData(TrainingOptions options) =>
        TrainingData.FromTokens(TrainerTests.Tokens(180), 16, 61, options);

    private TrainingOptions FirstVersionOptions(int steps) => new()
    {
        Epochs = 3,
        BatchSize = 3,
        EvaluationInterval = 3,
        EvaluationBatches = 2,
        LearningRate = 3e-3,
        KeepBest = true,
        ValidationFraction = 0.1,
        MaxSteps = steps,
        Checkpoints = new(_folder.Path) { Interval = 3, Keep = 2, Existing = ExistingCheckpoints.Resume },
    };

    private void CopyFirstVersion()
    {
        Copy(Path.Combine(Repository.Root, "tests", "Unit", "Fixtures", "training-checkpoints-v1"), _folder.Path);
    }

    private static void Copy(string from, string to)
    {
        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    private TrainingOptions Options(int steps, int interval = 3) => CheckpointTests.Options(Engines.Managed) with
    {
        MaxSteps = steps, Sample = null, Decay = LearningRateDecay.None, FinalLearningRate = null,
        Checkpoints = new(_folder.Path) { Interval = interval, Existing = ExistingCheckpoints.Resume },
    };

    // Measured on the training data, so that each evaluation is the best one.
    private static TrainingData Data(TrainingOptions options)
    {
        var data = CheckpointTests.Data(options);
        return new(data.Training, data.Training);
    }

    private TrainingResult Train(int steps, ExistingCheckpoints existing, int interval = 3, IProgress<TrainingProgress>? progress = null)
    {
        var options = Options(steps, interval);
        options = options with { Checkpoints = options.Checkpoints! with { Existing = existing } };
        return TinyModels.Weights(GptPresets.Tiny with { DropoutRate = 0.1 }, seed: 1).Train(Data(options), options, progress, Token);
    }
}
