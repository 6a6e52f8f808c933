using MLNet.Gpt.Numerics.Random;

namespace MLNet.Gpt.Training;

/// <summary>Holds out rows for validation.</summary>
internal static class HeldOutRows
{
    private const int Stream = 1; // of the seed's random numbers

    /// <summary>
    /// Divides rows as <see cref="TrainingOptions.ValidationFraction"/> says. Those held out are drawn with the seed, so that rows
    /// sorted by their labels are held out in the same proportions; the order is kept.
    /// </summary>
    public static (IReadOnlyList<T> Training, IReadOnlyList<T>? Validation) Split<T>(IReadOnlyList<T> rows, TrainingOptions options)
    {
        int count = (int)(rows.Count * options.ValidationFraction);
        if (count == 0) return (rows, null);
        if (count == rows.Count) count--;
        var random = Xoshiro256.ForStream(options.Seed, Stream);
        double[] keys = [.. rows.Select(_ => random.NextDouble())];
        int[] order = [.. Enumerable.Range(0, rows.Count).OrderBy(i => keys[i])];
        var held = order.Take(count).ToHashSet();
        return ([.. rows.Where((_, i) => !held.Contains(i))], [.. rows.Where((_, i) => held.Contains(i))]);
    }
}
