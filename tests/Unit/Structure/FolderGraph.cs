namespace MLNet.Gpt.Tests.Structure;

/// <summary>
/// The dependencies between folders at a given depth; deeper folders count as the one that contains them.
/// </summary>
internal sealed class FolderGraph
{
    private readonly Dictionary<string, HashSet<string>> _uses = [];

    /// <summary>Builds the graph of a project's folders.</summary>
    /// <param name="uses">The dependencies.</param>
    /// <param name="depth">The number of path segments that count.</param>
    public FolderGraph(IEnumerable<FolderUse> uses, int depth)
    {
        foreach (var (from, to) in uses.Select(use => (Cut(use.From, depth), Cut(use.To, depth))).Where(use => use.Item1 != use.Item2))
        {
            if (!_uses.TryGetValue(from, out var of)) _uses.Add(from, of = []);
            of.Add(to);
        }
    }

    /// <summary>Returns the groups of folders that depend on each other.</summary>
    public IReadOnlyList<IReadOnlyList<string>> Circles()
    {
        var reached = _uses.Keys.ToDictionary(folder => folder, Reached);
        return [.. _uses.Keys
            .Where(folder => reached[folder].Contains(folder))
            .Order(StringComparer.Ordinal)
            .GroupBy(
                folder =>
                    reached[folder].Where(other => reached.TryGetValue(other, out var back) && back.Contains(folder))
                        .Min(StringComparer.Ordinal))
            .Select(IReadOnlyList<string> (circle) => [.. circle])];
    }

    /// <summary>Returns the first segments of a folder's path.</summary>
    public static string Cut(string folder, int depth) => string.Join('/', folder.Split('/').Take(depth));

    private HashSet<string> Reached(string folder)
    {
        HashSet<string> reached = [];
        Queue<string> left = new(_uses[folder]);
        while (left.TryDequeue(out string? next))
        {
            if (reached.Add(next) && _uses.TryGetValue(next, out var further)) foreach (string each in further) left.Enqueue(each);
        }

        return reached;
    }
}
