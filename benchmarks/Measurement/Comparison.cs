using System.Diagnostics;

namespace MLNet.Gpt.Benchmarks.Measurement;

/// <summary>
/// Runs contenders in turn, round by round, so that a machine that slows down affects all of them, and compares medians.
/// The first contender is the baseline.
/// </summary>
internal static class Comparison
{
    // Runtimes keep their threads spinning for a while after work, which would slow the next contender.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    public static IReadOnlyList<ComparisonRow> Run(int rounds, params ReadOnlySpan<Contender> contenders)
    {
        double[][] speeds = new double[contenders.Length][];
        for (int i = 0; i < contenders.Length; i++)
        {
            speeds[i] = new double[rounds];
            contenders[i].Run(); // warms up code, caches and threads
        }

        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < contenders.Length; i++)
            {
                Thread.Sleep(Pause);
                speeds[i][round] = contenders[i].Work / Seconds(contenders[i].Run);
            }
        }

        var rows = new ComparisonRow[contenders.Length];
        for (int i = 0; i < rows.Length; i++) rows[i] = new(contenders[i].Name, speeds[i]);
        return rows;
    }

    /// <summary>Returns how long an action takes.</summary>
    public static double Seconds(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
