namespace MLNetGpt.Reports;

/// <summary>Splits a sequence where something changes.</summary>
internal static class Chunks
{
    /// <summary>Runs of neighbours that have one key and of which none starts anew.</summary>
    public static IEnumerable<IReadOnlyList<T>> ChunkBy<T, TKey>(this IEnumerable<T> items, Func<T, TKey> key, Func<T, T, bool> startsAnew)
    {
        var run = new List<T>();
        foreach (var item in items)
        {
            if (run.Count > 0 && (!EqualityComparer<TKey>.Default.Equals(key(run[^1]), key(item)) || startsAnew(run[^1], item)))
            {
                yield return run;
                run = [];
            }

            run.Add(item);
        }

        if (run.Count > 0) yield return run;
    }
}
