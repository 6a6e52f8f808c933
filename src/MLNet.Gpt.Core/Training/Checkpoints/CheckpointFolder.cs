using MLNet.Gpt.Formats.Adapters;
using MLNet.Gpt.Formats.Package;
using MLNet.Gpt.IO;
using MLNet.Gpt.Training.Engines;

namespace MLNet.Gpt.Training.Checkpoints;

/// <summary>
/// Writes, finds and removes the checkpoints of one training run in its folder. Holds the folder's lock until it is
/// disposed.
/// </summary>
/// <remarks>
/// A checkpoint is a folder that is written under a temporary name and moved into place; its
/// <see cref="CheckpointManifest"/> is written last. Best weights have a separate folder, whose name and hash are in
/// the checkpoints. Only such folders are removed, and in them only the files that we write.
/// </remarks>
internal sealed class CheckpointFolder : IDisposable
{
    /// <summary>The lock's file, which stays in the folder.</summary>
    public const string LockFile = ".training.lock";

    private readonly CheckpointOptions _options;
    private readonly TrainingFingerprint _fingerprint;
    private readonly FolderLock _lock;
    private readonly List<CheckpointEntry> _passedOver = [];
    private readonly List<string> _warnings = [];
    private (int Step, SavedBest Saved)? _best; // this run's best weights on disk

    /// <exception cref="IOException">
    /// The folder contains checkpoints but training should not resume, another training run is using it, or it cannot
    /// be created.
    /// </exception>
    public CheckpointFolder(CheckpointOptions options, TrainingFingerprint fingerprint)
    {
        (_options, _fingerprint) = (options, fingerprint);
        Directory.CreateDirectory(options.Folder);
        _lock = FolderLock.TryTake(Path.Combine(options.Folder, LockFile))
            ?? throw new IOException(
                $"Another training run is writing its checkpoints to '{options.Folder}'; wait for it to end, or choose another folder.");
        try
        {
            CheckpointEntry.RemoveRemnants(options.Folder);
            if (options.Existing == ExistingCheckpoints.Refuse && options.FindLatestStep() is { } step)
            {
                throw new IOException(
                    $"'{options.Folder}' contains checkpoints, the latest of step {step}; choose another folder, "
                    + $"or resume or replace them with {nameof(CheckpointOptions.Existing)}.");
            }

            if (options.Existing == ExistingCheckpoints.Replace) RemoveAll();
        }
        catch
        {
            _lock.Dispose();
            throw;
        }
    }

    /// <summary>Problems that do not stop training.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>
    /// Finds the step of the latest checkpoint in a folder, damaged or not; <see langword="null"/> if there is none.
    /// </summary>
    public static int? LatestStep(string folder) =>
        Directory.Exists(folder) ? CheckpointEntry.Checkpoints(folder).FirstOrDefault()?.Step : null;

    /// <summary>
    /// Returns the model files of the checkpoints in a folder, or the adapters' if those are trained, the latest first, damaged ones
    /// included.
    /// </summary>
    public static IReadOnlyList<string> Models(string folder) => Directory.Exists(folder)
        ? [.. CheckpointEntry.Checkpoints(folder).Select(entry => entry.WeightsPath)]
        : [];

    /// <summary>
    /// Restores an engine from the latest intact checkpoint, with a warning for each damaged one that is skipped.
    /// </summary>
    /// <param name="engine">Receives the weights and the engine's state.</param>
    /// <param name="keepsBest">Whether the best weights are needed.</param>
    /// <returns>
    /// The state of the training, and its best weights if it kept them; <see langword="null"/> if there is no
    /// checkpoint.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// The checkpoint belongs to another training run, or to another model.
    /// </exception>
    /// <exception cref="InvalidDataException">
    /// Every checkpoint is damaged, or of a later version; the message says what is wrong with the latest.
    /// </exception>
    public (TrainingState State, TrainedCopy? Best)? Restore(ITrainableNetwork engine, bool keepsBest)
    {
        (TrainingState State, TrainedCopy? Best)? restored = null;
        InvalidDataException? fault = null;
        foreach (var entry in CheckpointEntry.Checkpoints(_options.Folder))
        {
            try
            {
                restored = Restore(entry, engine, keepsBest);
                break;
            }
            catch (Exception damaged) when (damaged is InvalidDataException or FileNotFoundException or DirectoryNotFoundException)
            {
                fault ??= damaged as InvalidDataException ?? new InvalidDataException(damaged.Message, damaged);
                _passedOver.Add(entry);
                _warnings.Add(
                    $"Training cannot resume from the checkpoint '{entry.Path}'; an older one is used instead: {damaged.Message}");
            }
        }

        if (restored is { State: var state })
        {
            RemoveOld(state); // left by a process that was killed during removal
            return restored;
        }

        return fault is null ? null : _passedOver.Count == 1 ? throw fault : throw new InvalidDataException(
            $"{fault.Message} None of the {_passedOver.Count} checkpoints in '{_options.Folder}' is intact.", fault);
    }

    /// <summary>Writes a checkpoint of the current step, and removes those that are no longer kept.</summary>
    /// <returns>Its folder.</returns>
    public string Save(TrainingState state, ITrainableNetwork engine, TrainedCopy? best)
    {
        // The best weights come first: a checkpoint never refers to weights that do not exist.
        if (best is null) _best = null;
        else if (_best?.Step != state.BestStep || !IsThere(_best.Value.Saved)) _best = (state.BestStep, SaveBest(state, best));
        foreach (var damaged in _passedOver.Where(entry => entry.Step <= state.Step && Directory.Exists(entry.Path))) damaged.Remove();
        _passedOver.RemoveAll(entry => entry.Step <= state.Step);

        string path = WriteAside(CheckpointEntry.CheckpointPrefix, state.Step, state.Run, (folder, manifest) =>
        {
            if (engine.CopyAdapter() is { } adapter) SaveAdapter(folder, manifest, adapter);
            else SaveModel(folder, manifest, engine.Weights);
            manifest.Write(folder, CheckpointEntry.EngineFile, stream => EngineStateFile.Write(stream, engine.CaptureState()));
            var saved = new SavedTraining
            {
                Version = SavedTraining.CurrentVersion, Fingerprint = _fingerprint, State = state, Best = _best?.Saved,
            };
            manifest.Write(folder, SavedTraining.FileName, saved.Write);
        });
        RemoveOld(state);
        return path;
    }

    /// <summary>Releases the lock.</summary>
    public void Dispose() => _lock.Dispose();

    private (TrainingState State, TrainedCopy? Best) Restore(CheckpointEntry entry, ITrainableNetwork engine, bool keepsBest)
    {
        var manifest = CheckpointManifest.Read(entry.Path);
        string weights = manifest?.Files.ContainsKey(PeftFormat.WeightsFile) == true ? PeftFormat.WeightsFile : CheckpointEntry.ModelFile;
        manifest?.Verify(entry.Path, entry.Step, weights, CheckpointEntry.EngineFile, SavedTraining.FileName);
        var saved = SavedTraining.Read(entry.Path);
        if (manifest is null && saved.Version != SavedTraining.FirstVersion)
        {
            throw new InvalidDataException($"'{Path.Combine(entry.Path, CheckpointManifest.FileName)}' is missing.");
        }

        if (manifest is not null) CheckRun(manifest, entry.Path, saved);
        saved.CheckState(entry.Path, entry.Step);
        _fingerprint.Check(saved.Fingerprint, entry.Path);
        if (weights == PeftFormat.WeightsFile) return (saved.State, RestoreAdapter(entry, saved, engine, keepsBest));
        using var model = GptCheckpoint.Open(Path.Combine(entry.Path, CheckpointEntry.ModelFile));
        if (model.Config != engine.Weights.Config)
        {
            throw new ArgumentException($"'{entry.Path}' belongs to another model: {model.Config}, not {engine.Weights.Config}.");
        }

        var best = keepsBest ? RestoreBest(saved, engine) : null;
        engine.Restore(model, EngineStateFile.Read(Path.Combine(entry.Path, CheckpointEntry.EngineFile)));
        if (best is null) saved.State.BestLoss = null; // not kept so far: the best one is determined from here on
        return (saved.State, best);
    }

    // The engine's state has the trained numbers themselves; the adapter beside it is for other programs.
    private TrainedCopy? RestoreAdapter(CheckpointEntry entry, SavedTraining saved, ITrainableNetwork engine, bool keepsBest)
    {
        var best = keepsBest ? RestoreBest(saved, engine) : null;
        engine.Restore(engine.Weights, EngineStateFile.Read(Path.Combine(entry.Path, CheckpointEntry.EngineFile)));
        if (best is null) saved.State.BestLoss = null; // not kept so far: the best one is determined from here on
        return best;
    }

    private TrainedCopy? RestoreBest(SavedTraining saved, ITrainableNetwork engine)
    {
        string? folder = saved.Version == SavedTraining.FirstVersion ? FirstVersionBest(saved)
            : saved.Best is { } named ? BestOf(saved, named)
            : null;
        if (folder is null) return null;
        if (saved.Best is not null) _best = (saved.State.BestStep, saved.Best);
        if (File.Exists(Path.Combine(folder, PeftFormat.WeightsFile)))
        {
            return new(null, LoraAdapter.Load(folder, engine.CopyAdapter()?.Config ?? engine.Weights.Config));
        }

        using var model = GptCheckpoint.Open(Path.Combine(folder, CheckpointEntry.ModelFile));
        return new(GptWeights.CopyOf(model), null);
    }

    // Only the weights with which this checkpoint was written, whatever has their name by now.
    private string BestOf(SavedTraining saved, SavedBest named)
    {
        var entry = CheckpointEntry.Best(_options.Folder, named.Folder);
        var manifest = Directory.Exists(entry.Path) ? CheckpointManifest.Read(entry.Path) : null;
        if (manifest is null) throw new InvalidDataException($"Its best weights, '{entry.Path}', are missing.");
        string weights = manifest.Files.ContainsKey(PeftFormat.WeightsFile) ? PeftFormat.WeightsFile : CheckpointEntry.ModelFile;
        manifest.Verify(entry.Path, saved.State.BestStep, weights);
        CheckRun(manifest, entry.Path, saved);
        return manifest.Files[weights].Sha256 == named.Sha256
            ? entry.Path
            : throw new InvalidDataException($"Its best weights, '{entry.Path}', are from another run.");
    }

    private static void CheckRun(CheckpointManifest manifest, string folder, SavedTraining saved)
    {
        if (manifest.Run == saved.State.Run) return;
        throw new InvalidDataException($"'{Path.Combine(folder, CheckpointManifest.FileName)}' is damaged, or from another run.");
    }

    private string? FirstVersionBest(SavedTraining saved)
    {
        string folder = Path.Combine(_options.Folder, FormattableString.Invariant($"{CheckpointEntry.BestPrefix}{saved.State.BestStep}"));
        bool isOfFirstVersion = !File.Exists(Path.Combine(folder, CheckpointManifest.FileName));
        return isOfFirstVersion && File.Exists(Path.Combine(folder, CheckpointEntry.ModelFile)) ? folder : null;
    }

    private bool IsThere(SavedBest best) => File.Exists(Path.Combine(_options.Folder, best.Folder, CheckpointManifest.FileName));

    private SavedBest SaveBest(TrainingState state, TrainedCopy best)
    {
        string hash = "";
        string path = WriteAside(CheckpointEntry.BestPrefix, state.BestStep, state.Run, (folder, manifest) =>
        {
            if (best.Adapter is { } adapter) SaveAdapter(folder, manifest, adapter);
            else SaveModel(folder, manifest, best.Weights!);
            hash = manifest.Files[best.Adapter is null ? CheckpointEntry.ModelFile : PeftFormat.WeightsFile].Sha256;
        });
        return new(Path.GetFileName(path), hash);
    }

    private void SaveModel(string folder, CheckpointManifest manifest, IWeightSource weights) =>
        manifest.Write(folder, CheckpointEntry.ModelFile, stream => CheckpointFormat.Write(stream, weights, _options.Tokenizer));

    // A folder that PEFT and LoraAdapter.Load can read.
    private static void SaveAdapter(string folder, CheckpointManifest manifest, LoraAdapter adapter)
    {
        foreach (var (name, write) in PeftFormat.Files(adapter, baseModel: null, CancellationToken.None))
        {
            manifest.Write(folder, name, write);
        }
    }

    // The folder is moved in one step, so it exists completely or not at all. Anything that already has the name is
    // left alone.
    private string WriteAside(string prefix, int step, string run, Action<string, CheckpointManifest> write)
    {
        string path = CheckpointEntry.FreePath(_options.Folder, prefix, step), aside = CheckpointEntry.AsidePath(path);
        Directory.CreateDirectory(aside);
        try
        {
            var manifest = new CheckpointManifest(CheckpointManifest.Mark, SavedTraining.CurrentVersion, run, step, []);
            write(aside, manifest);
            manifest.Save(aside);
            Directory.Move(aside, path);
            return path;
        }
        catch
        {
            CheckpointEntry.TryRemoveAside(aside);
            throw;
        }
    }

    // Checkpoints beyond the current step are damaged ones that were skipped. They stay until training has passed their
    // step.
    private void RemoveOld(TrainingState state) => Remove(
        CheckpointEntry.Checkpoints(_options.Folder).Where(entry => entry.Step <= state.Step && !IsPassedOver(entry)).Skip(_options.Keep),
        state.Run);

    private void RemoveAll() => Remove(CheckpointEntry.Checkpoints(_options.Folder), run: null);

    /// <summary>
    /// Removes checkpoints, and best weights that no other checkpoint refers to: theirs, and all those of a run.
    /// </summary>
    /// <param name="checkpoints">What to remove.</param>
    /// <param name="run">The run whose best weights are removed; every run if <see langword="null"/>.</param>
    private void Remove(IEnumerable<CheckpointEntry> checkpoints, string? run)
    {
        CheckpointEntry[] dropped = [.. checkpoints];
        string[] theirBests = [.. dropped.Select(NameOfBest).OfType<string>()];
        foreach (var entry in dropped) entry.Remove();
        var referenced = new HashSet<string>();
        if (_best is { } current) referenced.Add(current.Saved.Folder);
        foreach (var entry in CheckpointEntry.Checkpoints(_options.Folder))
        {
            if (entry.TryReadTraining() is null && !IsPassedOver(entry)) return; // damaged by now, so what it refers to is unknown
            if (NameOfBest(entry) is { } name) referenced.Add(name);
        }

        var ofRun = CheckpointEntry.Bests(_options.Folder).Where(best => run is null || best.TryReadManifest()?.Run == run);
        foreach (string name in ofRun.Select(best => best.Name).Union(theirBests).Except(referenced).ToArray())
        {
            var best = CheckpointEntry.Best(_options.Folder, name);
            if (Directory.Exists(best.Path)) best.Remove();
        }
    }

    private bool IsPassedOver(CheckpointEntry entry) => _passedOver.Exists(other => other.Path == entry.Path);

    // For the first version only if it exists: nothing else ties it to the checkpoint.
    private string? NameOfBest(CheckpointEntry entry) => entry.TryReadTraining() switch
    {
        { Version: SavedTraining.FirstVersion } saved => FirstVersionBest(saved) is { } path ? Path.GetFileName(path) : null,
        { Best.Folder: var name } => CheckpointEntry.IsBestName(name) ? name : null,
        _ => null,
    };
}
