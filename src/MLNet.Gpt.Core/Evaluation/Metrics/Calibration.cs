using System.Diagnostics;
using System.Globalization;

namespace MLNet.Gpt;

/// <summary>
/// Whether a model's confidence is justified: predictions sorted by the probability of their most probable token into
/// 15 bins of equal width, as in Guo et al., "On Calibration of Modern Neural Networks" (2017).
/// </summary>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class Calibration
{
    internal const int BinCount = 15;

    internal Calibration(IReadOnlyList<CalibrationBin> bins) => Bins = bins;

    /// <summary>The bins, from probability 0 to 1, including those without a prediction.</summary>
    public IReadOnlyList<CalibrationBin> Bins { get; }

    /// <summary>
    /// Expected calibration error: Σ over bins (predictions in the bin / all) · |hit rate − mean probability|, from 0
    /// (calibrated) to 1. NaN if there are no predictions.
    /// </summary>
    public double ExpectedError
    {
        get
        {
            long all = Bins.Sum(bin => bin.Count);
            return all == 0
                ? double.NaN
                : Bins.Where(bin => bin.Count > 0).Sum(bin => bin.Count * Math.Abs(bin.HitRate - bin.MeanProbability)) / all;
        }
    }

    /// <summary>The expected calibration error, such as <c>expected calibration error 0.012</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"expected calibration error {ExpectedError:F3}");
}
