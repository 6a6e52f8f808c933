using MLNet.Gpt.Tests.Training.Killed;
using MLNet.Gpt.Training;

namespace MLNet.Gpt.Tests.Training;

/// <summary>What training does to its folder, with an engine that computes nothing.</summary>
public sealed class CheckpointFolderTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(ExistingCheckpoints.Refuse)]
    [InlineData(ExistingCheckpoints.Resume)]
    [InlineData(ExistingCheckpoints.Replace)]
    public void What_the_library_did_not_write_is_left_alone(ExistingCheckpoints existing)
    {
        string[] foreign =
        [
            "my-notes.tmp/thesis.txt", "gpt-hf.0123456789abcdef0123456789abcdef.tmp/model.safetensors",
            "checkpoint-10.tmp/a", "best-7/notes.txt", "checkpoint-007/a",
            "checkpoint-15/a", "checkpoint-20/manifest.json", "checkpoint-25/training.json",
            "checkpoint-500/trainer_state.json", "checkpoint-500/model.safetensors",
            "checkpoint-500/optimizer.pt", "best-20/model.safetensors", "checkpoint--1/a", "checkpoint-99999999999/a",
            "checkpoint-5", "training.json",
        ];
        foreach (string name in foreign) Write(name);
        if (existing != ExistingCheckpoints.Refuse) Train(10, ExistingCheckpoints.Refuse);

        var progress = new ProgressList(report =>
        {
            if (report.Step == 11) Write("checkpoint-12/of someone else"); // appears during training
            if (report.Step == 12) Assert.Equal(Path.Combine(_folder.Path, "checkpoint-12.2"), report.Checkpoint);
        });
        Train(25, existing, interval: 1, progress: progress);

        foreach (string name in foreign.Append("checkpoint-12/of someone else"))
        {
            Assert.Equal(
                name, File.ReadAllText(Path.Combine(_folder.Path, name)));
        }

        Assert.Equal(["checkpoint-23", "checkpoint-24", "checkpoint-25.2"], OwnCheckpoints());
        Assert.Equal(25, new CheckpointOptions(_folder.Path).FindLatestStep());
        using var resumed = Loop(30, ExistingCheckpoints.Resume);
        Assert.Equal(30, resumed.Run().Last.Step);
    }

    [Fact]
    public void A_folder_with_only_foreign_checkpoints_counts_as_empty()
    {
        Write("checkpoint-500/trainer_state.json");
        Assert.Null(new CheckpointOptions(_folder.Path).FindLatestStep());
        Train(2, ExistingCheckpoints.Resume);
        Assert.Equal(["checkpoint-2"], OwnCheckpoints());
    }

    [Fact]
    public void A_file_that_someone_put_into_a_checkpoint_is_kept()
    {
        Train(10, ExistingCheckpoints.Refuse, interval: 10);
        Write("checkpoint-10/my notes.txt");
        Train(30, ExistingCheckpoints.Resume, interval: 10, keep: 1);
        Assert.Equal(["checkpoint-30"], OwnCheckpoints());
        Assert.Equal(["my notes.txt"], Names("checkpoint-10"));
    }

    [Fact]
    public void Folders_that_a_killed_process_was_writing_or_removing_are_removed_and_nothing_else()
    {
        const string Guid = "0123456789abcdef0123456789abcdef";
        Write($"checkpoint-99.{Guid}.tmp/training.json");
        Write($"best-3.2.{Guid}.tmp/model.safetensors.{Guid}.tmp");
        Write($"checkpoint-98.{Guid}.tmp/mine.txt");
        Write($"checkpoint-98.{Guid}.tmp/manifest.json");
        Train(2, ExistingCheckpoints.Resume);
        Assert.Equal(
            ["best-0", "checkpoint-2", $"checkpoint-98.{Guid}.tmp"],
            Directory.GetDirectories(_folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(["mine.txt"], Names($"checkpoint-98.{Guid}.tmp"));
    }

    [Fact]
    public void The_number_of_checkpoints_is_kept_after_a_kill_between_writing_the_latest_and_removing_the_oldest()
    {
        var copies = new List<string>();
        var progress = new ProgressList(report =>
        {
            if (report.Checkpoint is not null && report.Step is 10 or 20) copies.Add(Copy($"checkpoint-{report.Step}"));
        });
        Train(40, ExistingCheckpoints.Refuse, interval: 10, keep: 2, loss: updates => 50 - updates, progress: progress);
        foreach (string copy in copies) Directory.Move(copy, Path.Combine(_folder.Path, Path.GetFileName(copy)));
        Assert.Equal(4, OwnCheckpoints().Length);

        Train(40, ExistingCheckpoints.Resume, keep: 2); // there is nothing left to do
        Assert.Equal(["checkpoint-30", "checkpoint-40"], OwnCheckpoints());
        Assert.Equal(["best-30", "best-40"], Directory.GetDirectories(_folder.Path, "best-*").Select(Path.GetFileName).Order());

        string Copy(string name)
        {
            string target = Path.Combine(Directory.CreateDirectory(Path.Combine(_folder.Path, "copies")).FullName, name);
            Directory.CreateDirectory(target);
            foreach (string file in Directory.GetFiles(Path.Combine(_folder.Path, name)))
            {
                File.Copy(
                    file, Path.Combine(target, Path.GetFileName(file)));
            }

            return target;
        }
    }

    [Theory]
    [InlineData("weights")]
    [InlineData("state")]
    public async Task Best_weights_of_a_run_killed_before_its_checkpoint_are_never_used_by_the_next(string killedBefore)
    {
        // Killed when best-40 exists but checkpoint-40 does not.
        await ScriptedTrainingToBeKilledTests.Run(_folder.Path, killedBefore, atStep: 40);
        Assert.Equal(["checkpoint-10", "checkpoint-20", "checkpoint-30"], OwnCheckpoints());
        Assert.Contains("best-40", Directory.GetDirectories(_folder.Path).Select(Path.GetFileName));

        // Resumed with other settings, it improves at 40 as well; resumed once more, it gets worse.
        Train(40, ExistingCheckpoints.Resume, loss: updates => 50 - updates, mark: 0.25f);
        using var loop = Loop(60, ExistingCheckpoints.Resume, loss: updates => updates, mark: 0.5f);
        loop.Run();
        Assert.Equal(40.25f, loop.BestWeights![WeightNames.TokenEmbedding][0]);
        Assert.Empty(Directory.GetDirectories(_folder.Path, "*.tmp"));
        Assert.Single(Directory.GetDirectories(_folder.Path, "best-*"));
    }

    [Fact]
    public async Task They_are_not_used_by_a_run_that_starts_over_either()
    {
        await ScriptedTrainingToBeKilledTests.Run(_folder.Path, "weights", atStep: 10);
        Assert.Empty(OwnCheckpoints());
        Train(10, ExistingCheckpoints.Refuse, loss: updates => 50 - updates, mark: 0.25f);
        using var loop = Loop(30, ExistingCheckpoints.Resume, loss: updates => 100 + updates, mark: 0.5f);
        loop.Run();
        Assert.Equal(10.25f, loop.BestWeights![WeightNames.TokenEmbedding][0]);
    }

    [Fact]
    public void Training_without_best_weights_does_not_return_those_of_an_earlier_run()
    {
        Train(20, ExistingCheckpoints.Refuse, loss: updates => Math.Abs(updates - 10));
        using var loop = new TrainingLoop(
            new ScriptedEngine(), Data(), Options(30, ExistingCheckpoints.Resume) with { KeepBest = false }, null, Token);
        loop.Run();
        Assert.Null(loop.BestWeights);
    }

    [Fact]
    public void A_second_run_in_the_folder_is_refused_while_the_first_is_running()
    {
        int refusals = 0;
        var progress = new ProgressList(_ =>
        {
            foreach (var existing in Enum.GetValues<ExistingCheckpoints>())
            {
                var error = Assert.Throws<IOException>(() => Loop(5, existing));
                Assert.Contains(
                    $"Another training run is writing its checkpoints to '{_folder.Path}'", error.Message, StringComparison.Ordinal);
                refusals++;
            }
        });
        Train(3, ExistingCheckpoints.Refuse, progress: progress);
        Assert.Equal(4 * 3, refusals);
        Train(5, ExistingCheckpoints.Resume);
    }

    [Fact]
    public void Training_that_could_not_begin_does_not_lock_the_folder()
    {
        Train(3, ExistingCheckpoints.Refuse);
        Assert.Contains(
            "of step 3", Assert.Throws<IOException>(() => Loop(5, ExistingCheckpoints.Refuse)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(
            () => new TrainingLoop(new ScriptedEngine(), Data(), Options(5, ExistingCheckpoints.Resume) with { Seed = 9 }, null, Token));
        Train(5, ExistingCheckpoints.Resume);
    }

    [Fact]
    public void Divergence_leaves_a_checkpoint_of_the_step_before()
    {
        var options = Options(40, ExistingCheckpoints.Refuse, interval: 20);
        using (
            var loop = new TrainingLoop(
                new ScriptedEngine { BatchLoss = step => step == 28 ? double.NaN : 1 }, Data(), options, null, Token))
        {
            Assert.Equal(28, Assert.Throws<TrainingDivergedException>(loop.Run).Step);
        }

        Assert.Equal(["checkpoint-20", "checkpoint-27"], OwnCheckpoints());
        var resumed = new ScriptedEngine();
        using var again = new TrainingLoop(
            resumed,
            Data(),
            options with
            {
                LearningRate = 1e-5, GradientClipping = 0.1,
                Checkpoints = options.Checkpoints! with { Existing = ExistingCheckpoints.Resume },
            },
            null,
            Token);
        again.Run();
        Assert.Equal(40, resumed.Updates);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_checkpoint_that_cannot_be_written_does_not_hide_why_training_ended(bool isCancelled)
    {
        using var cancellation = new CancellationTokenSource();
        string folder = Path.Combine(_folder.Path, "run");
        var mine = new DataMisalignedException("mine");
        var progress = new ProgressList(report =>
        {
            if (report.Step != 3) return;
            Directory.Delete(folder, recursive: true);
            File.WriteAllText(folder, "in the way");
            if (!isCancelled) throw mine;
            cancellation.Cancel();
        });
        var options = Options(10, ExistingCheckpoints.Refuse, interval: 100);
        using var loop = new TrainingLoop(
            new ScriptedEngine(),
            Data(),
            options with { Checkpoints = options.Checkpoints! with { Folder = folder } },
            progress,
            cancellation.Token);

        var error = Assert.ThrowsAny<Exception>(loop.Run);

        if (isCancelled) Assert.IsAssignableFrom<OperationCanceledException>(error);
        else Assert.Same(mine, error);
        Assert.IsAssignableFrom<IOException>(error.Data["MLNet.Gpt.CheckpointFailure"]);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(3)]
    public void A_checkpoint_that_cannot_be_written_does_not_cost_what_was_trained(int steps)
    {
        string folder = Path.Combine(_folder.Path, "run");
        var progress = new ProgressList(report =>
        {
            if (report.Step != 2) return;
            Directory.Delete(folder, recursive: true);
            File.WriteAllText(folder, "in the way");
        });
        var options = new TrainingOptions
        {
            MaxSteps = steps, BatchSize = 2, Decay = LearningRateDecay.None, WarmUpSteps = 0, Checkpoints = new(folder) { Interval = 3 },
        };
        var weights = TinyModels.Weights(GptPresets.Tiny, seed: 1);
        int[] tokens = [.. Enumerable.Range(0, 400).Select(i => i % 50)];
        var data = TrainingData.FromTokens(tokens, GptPresets.Tiny.ContextLength, GptPresets.Tiny.VocabularySize, options);

        var error = Assert.Throws<CheckpointException>(() => weights.Train(data, options, progress, Token));

        var whole = weights.Train(data, options with { MaxSteps = 3, Checkpoints = null }, cancellationToken: Token);
        Assert.Equal(3, error.Step);
        Assert.Equal(whole.Weights["tok_emb.weight"].ToArray(), error.Result!.Weights["tok_emb.weight"].ToArray());
        Assert.Equal(3, error.Result.History.Last.Step);
        Assert.Equal(steps == 3 ? TrainingEnding.Completed : TrainingEnding.CheckpointFailed, error.Result.History.Ending);
    }

    [Fact]
    public void A_failure_of_the_step_itself_leaves_a_checkpoint_of_the_step_before()
    {
        using var loop = new TrainingLoop(
            new DivergingEngine(new ScriptedEngine(), atStep: 7, new OutOfMemoryException()),
            Data(),
            Options(10, ExistingCheckpoints.Refuse, interval: 100),
            null,
            Token);
        Assert.Throws<OutOfMemoryException>(loop.Run);
        Assert.Equal(["checkpoint-6"], OwnCheckpoints());
    }

    [Fact]
    public void Partly_updated_weights_are_not_saved()
    {
        using var loop = new TrainingLoop(
            new ScriptedEngine { OnUpdate = step => { if (step == 7) throw new OutOfMemoryException(); } },
            Data(),
            Options(10, ExistingCheckpoints.Refuse, interval: 5),
            null,
            Token);
        Assert.Throws<OutOfMemoryException>(loop.Run);
        Assert.Equal(["checkpoint-5"], OwnCheckpoints());
    }

    internal static TrainingData Data() => TrainingData.FromTokens(
        TrainerTests.Tokens(100), GptPresets.Tiny.ContextLength, GptPresets.Tiny.VocabularySize, new() { ValidationFraction = 0.1 });

    internal static TrainingOptions Options(string folder, int steps, ExistingCheckpoints existing, int? interval, int keep) => new()
    {
        Epochs = 1000, BatchSize = 2, MaxSteps = steps, EvaluationInterval = interval ?? 10, EvaluationBatches = 1, KeepBest = true,
        Checkpoints = new(folder) { Interval = interval, Existing = existing, Keep = keep },
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private TrainingOptions Options(int steps, ExistingCheckpoints existing, int? interval = null, int keep = 3) =>
        Options(_folder.Path, steps, existing, interval, keep);

    private TrainingLoop Loop(
        int steps,
        ExistingCheckpoints existing,
        int? interval = null,
        int keep = 3,
        Func<int, double>? loss = null,
        float mark = 0,
        IProgress<TrainingProgress>? progress = null) =>
        new(new ScriptedEngine { Loss = loss ?? (_ => 1), Mark = mark }, Data(), Options(steps, existing, interval, keep), progress, Token);

    private void Train(
        int steps,
        ExistingCheckpoints existing,
        int? interval = null,
        int keep = 3,
        Func<int, double>? loss = null,
        float mark = 0,
        IProgress<TrainingProgress>? progress = null)
    {
        using var loop = Loop(steps, existing, interval, keep, loss, mark, progress);
        loop.Run();
    }

    /// <summary>Writes a file with its own name as content.</summary>
    private void Write(string name)
    {
        string path = Path.Combine(_folder.Path, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, name);
    }

    private string[] Names(string folder) =>
        [.. Directory.GetFileSystemEntries(Path.Combine(_folder.Path, folder)).Select(path => Path.GetFileName(path))];

    private string[] OwnCheckpoints() =>
        [.. Directory.GetDirectories(
            _folder.Path,
            "checkpoint-*").Where(path =>
                File.Exists(Path.Combine(path, "engine.safetensors")) && !path.EndsWith(".tmp", StringComparison.Ordinal)).Select(path =>
                    Path.GetFileName(path)).Order(StringComparer.Ordinal)];
}
