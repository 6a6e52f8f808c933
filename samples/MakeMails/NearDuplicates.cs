using System.Text.RegularExpressions;

namespace MLNet.Gpt.Samples.MakeMails;

/// <summary>Finds texts that share many runs of four words.</summary>
internal static partial class NearDuplicates
{
    /// <summary>Of this part of the shorter text's runs, so many in common make two texts near-duplicates.</summary>
    public const double Limit = 0.15;

    private const int RunLength = 4;

    /// <summary>Keeps each item that is no near-duplicate of an earlier one.</summary>
    public static List<T> Remove<T>(IEnumerable<T> items, Func<T, string> textOf)
    {
        var kept = new List<T>();
        var sizes = new List<int>();
        var places = new Dictionary<string, List<int>>(); // a run of words -> the kept items that have it
        foreach (var item in items)
        {
            HashSet<string> runs = [.. Runs(textOf(item))];
            var common = runs.SelectMany(run => places.GetValueOrDefault(run, [])).CountBy(index => index);
            if (common.Any(other => other.Value >= Limit * Math.Min(runs.Count, sizes[other.Key]))) continue;
            foreach (string run in runs)
            {
                if (!places.TryGetValue(run, out var having)) places.Add(run, having = []);
                having.Add(kept.Count);
            }

            kept.Add(item);
            sizes.Add(runs.Count);
        }

        return kept;
    }

    private static IEnumerable<string> Runs(string text)
    {
        string[] words = [.. Words().Matches(text.ToLowerInvariant()).Select(match => match.Value)];
        for (int i = 0; i + RunLength <= words.Length; i++) yield return string.Join(' ', words[i..(i + RunLength)]);
    }

    [GeneratedRegex("[a-z]+")]
    private static partial Regex Words();
}
