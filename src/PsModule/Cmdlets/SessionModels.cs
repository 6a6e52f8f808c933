using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>
/// The default model of this process and the models that were given by path. All runspaces of the process share them.
/// </summary>
internal static class SessionModels
{
    // Two, so that a comparison of two paths loads each once. Models that fall out live on where a variable holds them.
    private const int MostKept = 2;

    private static readonly Lock Gate = new();
    private static readonly List<(string Path, string Version, LanguageModel Model)> Kept = [];

    private static LanguageModel? s_default;

    /// <summary>What cmdlets use that are given no model.</summary>
    public static LanguageModel? Default
    {
        get => Volatile.Read(ref s_default);
        set => Volatile.Write(ref s_default, value);
    }

    /// <summary>Returns the model at a path: the one that was loaded before, unless its files have changed since.</summary>
    public static LanguageModel GetOrLoad(string path, Func<LanguageModel> load)
    {
        string version = VersionOf(path);
        lock (Gate)
        {
            int index = Kept.FindIndex(kept => kept.Path == path);
            if (index >= 0)
            {
                var found = Kept[index];
                Kept.RemoveAt(index);
                if (found.Version == version && !found.Model.IsDisposed)
                {
                    Kept.Add(found); // the most recently used is the last
                    return found.Model;
                }
            }
        }

        var model = load();
        lock (Gate)
        {
            Kept.RemoveAll(kept => kept.Path == path);
            if (Kept.Count == MostKept) Kept.RemoveAt(0);
            Kept.Add((path, version, model));
        }

        return model;
    }

    /// <summary>Forgets the default and every model that was loaded by path.</summary>
    public static void Clear()
    {
        Default = null;
        lock (Gate) Kept.Clear();
    }

    private static string VersionOf(string path)
    {
        var files = Directory.Exists(path) ? new DirectoryInfo(path).GetFiles() : [new FileInfo(path)];
        return string.Join('|', files.Where(file => file.Exists)
            .OrderBy(file => file.Name, StringComparer.Ordinal)
            .Select(file => FormattableString.Invariant($"{file.Name}:{file.Length}:{file.LastWriteTimeUtc.Ticks}")));
    }
}
