using System.Globalization;
using System.Text.Json;
using MLNet.Gpt.Checkpoints;

namespace MLNet.Gpt.Training;

/// <summary>The checkpoints of one training in its folder: writes, finds and removes them.</summary>
internal sealed class CheckpointFolder
{
    private const string Prefix = "checkpoint-", BestPrefix = "best-", AsideSuffix = ".tmp";
    private const string ModelFile = "model.safetensors", EngineFile = "engine.safetensors", TrainingFile = "training.json";

    private readonly CheckpointOptions _options;
    private readonly TrainingCourse _course;

    /// <exception cref="IOException">The folder holds checkpoints and is not to be gone on with, or cannot be made.</exception>
    public CheckpointFolder(CheckpointOptions options, TrainingCourse course)
    {
        (_options, _course) = (options, course);
        Directory.CreateDirectory(options.Folder);
        if (options.Existing == ExistingCheckpoints.Refuse && options.FindLatestStep() is { } step)
        {
            throw new IOException($"'{options.Folder}' holds checkpoints, the latest of step {step}; choose another folder, or resume or replace them by {nameof(CheckpointOptions.Existing)}.");
        }

        if (options.Existing == ExistingCheckpoints.Replace)
        {
            foreach (string prefix in (string[])[Prefix, BestPrefix])
            {
                foreach (int old in Steps(options.Folder, prefix).ToArray()) Remove(PathOf(prefix, old));
            }
        }

        foreach (string remnant in Directory.GetDirectories(options.Folder, $"*{AsideSuffix}")) Directory.Delete(remnant, recursive: true); // of a process that was killed
    }

    /// <summary>The steps of the checkpoints in a folder.</summary>
    public static IEnumerable<int> StepsIn(string folder) => Steps(folder, Prefix);

    /// <summary>Puts the latest checkpoint into an engine.</summary>
    /// <returns>Where the training stood, and its best weights where it kept some; <see langword="null"/> where there is no checkpoint.</returns>
    /// <exception cref="ArgumentException">The checkpoint is of another course of training, or of another model.</exception>
    /// <exception cref="InvalidDataException">The checkpoint is damaged, or of a later version.</exception>
    public (TrainingState State, GptWeights? Best)? Restore(ITrainingEngine engine)
    {
        if (_options.FindLatestStep() is not { } step) return null;
        string checkpoint = PathOf(Prefix, step);
        var saved = ReadTraining(Path.Combine(checkpoint, TrainingFile));
        _course.Check(saved.Course, checkpoint);
        using var model = GptCheckpoint.Open(Path.Combine(checkpoint, ModelFile));
        if (model.Config != engine.Weights.Config) throw new ArgumentException($"'{checkpoint}' is of another model: {model.Config}, not {engine.Weights.Config}.");
        engine.Restore(model, EngineStateFile.Read(Path.Combine(checkpoint, EngineFile)));

        string best = Path.Combine(PathOf(BestPrefix, saved.State.BestStep), ModelFile);
        if (!File.Exists(best))
        {
            saved.State.BestLoss = null; // not kept so far: the best one is looked for from here on
            return (saved.State, null);
        }

        using var bestModel = GptCheckpoint.Open(best);
        return (saved.State, BestWeights.Copy(bestModel));
    }

    /// <summary>Writes a checkpoint of the step that training stands at, and removes those that are not kept any more.</summary>
    /// <returns>Its folder.</returns>
    public string Save(TrainingState state, ITrainingEngine engine, GptWeights? best)
    {
        // The best weights come first: a checkpoint never speaks of weights that are not there.
        if (best is not null) WriteAside(PathOf(BestPrefix, state.BestStep), folder => SaveModel(folder, best));
        string checkpoint = PathOf(Prefix, state.Step);
        WriteAside(checkpoint, folder =>
        {
            SaveModel(folder, engine.Weights);
            EngineStateFile.Write(Path.Combine(folder, EngineFile), engine.CaptureState());
            using var stream = new FileStream(Path.Combine(folder, TrainingFile), FileMode.CreateNew, FileAccess.Write);
            JsonSerializer.Serialize(stream, new SavedTraining(SavedTraining.CurrentVersion, _course, state), TrainingJsonContext.Default.SavedTraining);
            stream.Flush(flushToDisk: true);
        });
        RemoveOld();
        return checkpoint;
    }

    private void RemoveOld()
    {
        int[] steps = [.. StepsIn(_options.Folder).OrderDescending()];
        foreach (int step in steps.Skip(_options.Keep)) Remove(PathOf(Prefix, step));
        var spokenOf = steps.Take(_options.Keep).Select(step => ReadTraining(Path.Combine(PathOf(Prefix, step), TrainingFile)).State.BestStep).ToHashSet();
        foreach (int step in Steps(_options.Folder, BestPrefix).Where(step => !spokenOf.Contains(step)).ToArray()) Remove(PathOf(BestPrefix, step));
    }

    private void SaveModel(string folder, IWeightSource weights) => GptCheckpoint.Save(Path.Combine(folder, ModelFile), weights, _options.Tokenizer);

    // A folder is moved at once: it is there whole, or it is not there.
    private static void WriteAside(string folder, Action<string> write)
    {
        if (Directory.Exists(folder)) return;
        string aside = $"{folder}.{Guid.NewGuid():N}{AsideSuffix}";
        Directory.CreateDirectory(aside);
        try
        {
            write(aside);
            Directory.Move(aside, folder);
        }
        catch
        {
            Directory.Delete(aside, recursive: true);
            throw;
        }
    }

    private static void Remove(string folder)
    {
        string aside = $"{folder}.{Guid.NewGuid():N}{AsideSuffix}";
        Directory.Move(folder, aside);
        Directory.Delete(aside, recursive: true);
    }

    private static SavedTraining ReadTraining(string path)
    {
        try
        {
            var saved = JsonSerializer.Deserialize(File.ReadAllBytes(path), TrainingJsonContext.Default.SavedTraining) ?? throw new JsonException("It is null.");
            return saved.Version == SavedTraining.CurrentVersion
                ? saved
                : throw new InvalidDataException($"'{path}' is of version {saved.Version}; this library reads version {SavedTraining.CurrentVersion}.");
        }
        catch (JsonException damaged)
        {
            throw new InvalidDataException($"'{path}' is damaged: {damaged.Message}", damaged);
        }
    }

    private static IEnumerable<int> Steps(string folder, string prefix) => Directory.EnumerateDirectories(folder, prefix + "*")
        .Select(path => int.TryParse(Path.GetFileName(path)[prefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out int step) ? step : -1)
        .Where(step => step >= 0);

    private string PathOf(string prefix, int step) => Path.Combine(_options.Folder, string.Create(CultureInfo.InvariantCulture, $"{prefix}{step}"));
}
