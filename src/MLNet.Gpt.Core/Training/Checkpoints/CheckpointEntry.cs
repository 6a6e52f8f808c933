using System.Globalization;
using System.Text.RegularExpressions;
using MLNet.Gpt.Formats.Adapters;

namespace MLNet.Gpt.Training.Checkpoints;

/// <summary>
/// A folder that a training run wrote: <c>checkpoint-N</c> or <c>best-N</c>, or <c>checkpoint-N.2</c> and so on if
/// something else has that name. It is recognized by its contents, because other programs use such names too.
/// </summary>
internal sealed partial class CheckpointEntry
{
    public const string CheckpointPrefix = "checkpoint-", BestPrefix = "best-";

    public const string ModelFile = "model.safetensors", EngineFile = "engine.safetensors";

    private CheckpointEntry(string path, string prefix, int step, int number) =>
        (Path, Prefix, Step, Number) = (path, prefix, step, number);

    public string Path { get; }

    public string Name => System.IO.Path.GetFileName(Path);

    public int Step { get; }

    /// <summary>The model's file, or the adapter's if one is trained.</summary>
    public string WeightsPath
    {
        get
        {
            string adapter = System.IO.Path.Combine(Path, PeftFormat.WeightsFile);
            return File.Exists(adapter) ? adapter : System.IO.Path.Combine(Path, ModelFile);
        }
    }

    private string Prefix { get; }

    /// <summary>1, or the number after the step.</summary>
    private int Number { get; }

    /// <summary>Returns the checkpoints in a folder, the latest first, damaged ones included.</summary>
    public static IEnumerable<CheckpointEntry> Checkpoints(string folder) =>
        Named(folder, CheckpointPrefix).Where(entry => entry.IsCheckpoint());

    /// <summary>
    /// Returns the folders of best weights, except those of the first version, which only a checkpoint identifies.
    /// </summary>
    public static IEnumerable<CheckpointEntry> Bests(string folder) =>
        Named(folder, BestPrefix).Where(entry => entry.TryReadManifest() is not null);

    /// <summary>Returns whether a name is that of a folder of best weights.</summary>
    public static bool IsBestName(string name) => Parse(name) is { Prefix: BestPrefix } best && best.Name == name;

    /// <summary>Returns the best weights that a checkpoint names.</summary>
    /// <exception cref="InvalidDataException">It is not the name of such a folder.</exception>
    public static CheckpointEntry Best(string folder, string name) => IsBestName(name)
        ? Parse(System.IO.Path.Combine(folder, name))!
        : throw new InvalidDataException($"'{name}' is not the name of a folder of best weights.");

    /// <summary>Returns an unused path in a folder.</summary>
    /// <param name="folder">The folder of the training run.</param>
    /// <param name="prefix"><see cref="CheckpointPrefix"/> or <see cref="BestPrefix"/>.</param>
    /// <param name="step">The step.</param>
    public static string FreePath(string folder, string prefix, int step)
    {
        string path = System.IO.Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{prefix}{step}")), free = path;
        for (int number = 2; System.IO.Path.Exists(free); number++) free = string.Create(CultureInfo.InvariantCulture, $"{path}.{number}");
        return free;
    }

    /// <summary>
    /// Returns the name of a folder while it is written or removed. Unlike the names of <see cref="IO.Aside"/>, it says
    /// that the folder is a checkpoint's, so that its remnants can be removed at once under the folder's lock.
    /// </summary>
    public static string AsidePath(string path) => $"{path}.{Guid.NewGuid():N}.tmp";

    /// <summary>Removes what a killed process was writing or removing. The caller holds the folder's lock.</summary>
    public static void RemoveRemnants(string folder)
    {
        foreach (string path in Directory.GetDirectories(folder))
        {
            if (AsideName().IsMatch(System.IO.Path.GetFileName(path))) RemoveFiles(path);
        }
    }

    /// <summary>Removes what could not be written, as far as possible.</summary>
    public static void TryRemoveAside(string path) => Try(() =>
    {
        RemoveFiles(path);
        return true;
    });

    /// <summary>Reads the manifest; <see langword="null"/> if there is none, or it cannot be read.</summary>
    public CheckpointManifest? TryReadManifest() => Try(() => CheckpointManifest.Read(Path));

    /// <summary>Reads the state; <see langword="null"/> if there is none, or it cannot be read.</summary>
    public SavedTraining? TryReadTraining() => Try(() => SavedTraining.Read(Path));

    /// <summary>Removes the folder, except files in it that are not ours.</summary>
    public void Remove()
    {
        if (Directory.EnumerateFileSystemEntries(Path).Any(path => !IsOwnFile(path)))
        {
            RemoveFiles(Path);
            return;
        }

        string aside = AsidePath(Path); // so that a killed process leaves no part of it under its own name
        Directory.Move(Path, aside);
        RemoveFiles(aside);
    }

    private static IEnumerable<CheckpointEntry> Named(string folder, string prefix) => Directory.EnumerateDirectories(folder, prefix + "*")
        .Select(Parse).OfType<CheckpointEntry>().Where(entry => entry.Prefix == prefix)
        .OrderByDescending(entry => entry.Step).ThenByDescending(entry => entry.Number)
        .ToArray(); // because the folder changes during the enumeration

    private static CheckpointEntry? Parse(string path)
    {
        var match = EntryName().Match(System.IO.Path.GetFileName(path));
        if (!match.Success || !TryParse(match.Groups["step"], out int step)) return null;
        int number = 1;
        if (match.Groups["number"] is { Success: true } group && !TryParse(group, out number)) return null;
        return new(path, match.Groups["prefix"].Value, step, number);

        static bool TryParse(Group digits, out int value) =>
            int.TryParse(digits.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out value);
    }

    // Ours by the contents of its files or, if they are damaged, by having our files and no others.
    private bool IsCheckpoint()
    {
        if (TryReadManifest() is not null || TryReadTraining() is not null) return true;
        string[] names = [.. Directory.EnumerateFileSystemEntries(Path).Select(path => System.IO.Path.GetFileName(path))];
        return names.Contains(EngineFile)
            && names.All(name => name is ModelFile or EngineFile or SavedTraining.FileName or CheckpointManifest.FileName
                or PeftFormat.ConfigFile or PeftFormat.WeightsFile);
    }

    private static T? Try<T>(Func<T?> read)
    {
        try
        {
            return read();
        }
        catch (Exception unreadable) when (unreadable is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return default;
        }
    }

    private static void RemoveFiles(string folder)
    {
        // The manifest first: without it, the rest is not a checkpoint.
        File.Delete(System.IO.Path.Combine(folder, CheckpointManifest.FileName));
        foreach (string path in Directory.GetFiles(folder).Where(IsOwnFile)) File.Delete(path);
        if (!Directory.EnumerateFileSystemEntries(folder).Any()) Directory.Delete(folder);
    }

    private static bool IsOwnFile(string path) => OwnFileName().IsMatch(System.IO.Path.GetFileName(path)) && !Directory.Exists(path);

    [GeneratedRegex(@"\A(?<prefix>checkpoint-|best-)(?<step>0|[1-9][0-9]{0,9})(\.(?<number>[2-9]|[1-9][0-9]{1,8}))?\z")]
    private static partial Regex EntryName();

    [GeneratedRegex(@"\A(checkpoint|best)-[0-9]+(\.[0-9]+)?\.[0-9a-f]{32}\.tmp\z")]
    private static partial Regex AsideName();

    // The first version wrote the model to a temporary file within the folder.
    [GeneratedRegex(@"\A((model|engine|adapter_model)\.safetensors|(training|manifest|adapter_config)\.json)(\.[0-9a-f]{32}\.tmp)?\z")]
    private static partial Regex OwnFileName();
}
