using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Random;

namespace MLNet.Gpt.Evaluation.Intervals;

/// <summary>
/// The bootstrap: draws units with replacement, as many as there are, over and over, to see how a figure varies.
/// </summary>
/// <remarks>
/// Bounds are percentiles of the resamples, at levels that are widened for few units: Φ(−√(n / (n − 1)) t) for Student's t with n − 1
/// degrees of freedom, in place of (1 − confidence) / 2. Sources: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter
/// 13; Hesterberg, "What Teachers Should Know About the Bootstrap" (2015), the expanded percentile interval.
/// </remarks>
internal static class Bootstrap
{
    /// <summary>Draws the resamples one after the other, and passes on the sums of the units that were drawn.</summary>
    /// <param name="units">For each unit up to 8 numbers to sum up.</param>
    /// <param name="options">How many resamples, and the seed.</param>
    /// <param name="add">Receives the sums of each resample.</param>
    /// <param name="cancellationToken">Checked before each resample.</param>
    public static void Resample(
        ReadOnlySpan<Vector512<double>> units, BootstrapOptions options, Action<Vector512<double>> add, CancellationToken cancellationToken)
    {
        var random = new SplitMix64((ulong)options.Seed);
        for (int resample = 0; resample < options.ResampleCount; resample++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var sums = Vector512<double>.Zero;
            for (int draw = 0; draw < units.Length; draw++) sums += units[random.NextBelow(units.Length)];
            add(sums);
        }
    }

    /// <summary>Returns a figure with the standard deviation and the interval of its resamples.</summary>
    /// <param name="value">The figure of all units.</param>
    /// <param name="resamples">The figure in each resample that has one; sorted by the call.</param>
    /// <param name="unitCount">The number of units, n.</param>
    /// <param name="confidence">The confidence of the interval.</param>
    public static Estimate Summarize(double value, List<double> resamples, int unitCount, double confidence)
    {
        if (!double.IsFinite(value) || unitCount < 2 || resamples.Count < 2) return Estimate.Unknown(value, confidence);
        resamples.Sort();
        double mean = resamples.Average(), squares = resamples.Sum(resample => (resample - mean) * (resample - mean));

        // The variance of a sample of n is too small by a factor of (n − 1) / n.
        double widening = Math.Sqrt(unitCount / (unitCount - 1.0));
        double outside = NormalDistribution.Cumulative(-widening * StudentT.TwoSided(confidence, unitCount - 1));
        return new(
            value, widening * Math.Sqrt(squares / resamples.Count),
            Quantile(resamples, outside), Quantile(resamples, 1 - outside), confidence);
    }

    // Interpolates between the two nearest of the sorted values, as NumPy does by default.
    private static double Quantile(List<double> sorted, double fraction)
    {
        double position = fraction * (sorted.Count - 1);
        int below = (int)position, above = Math.Min(below + 1, sorted.Count - 1);
        return sorted[below] + ((position - below) * (sorted[above] - sorted[below]));
    }
}
