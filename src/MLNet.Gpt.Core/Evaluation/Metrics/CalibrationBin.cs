namespace MLNet.Gpt;

/// <summary>The predictions whose most probable token had a similar probability.</summary>
public readonly struct CalibrationBin
{
    internal CalibrationBin(double lowerBound, double upperBound, long count, long hitCount, double meanProbability)
    {
        LowerBound = lowerBound;
        UpperBound = upperBound;
        Count = count;
        HitCount = hitCount;
        MeanProbability = meanProbability;
    }

    /// <summary>The exclusive lower bound of the probability; 0 itself is in the first bin.</summary>
    public double LowerBound { get; }

    /// <summary>The greatest probability in the bin.</summary>
    public double UpperBound { get; }

    /// <summary>The number of predictions in the bin.</summary>
    public long Count { get; }

    /// <summary>The number of predictions whose most probable token was correct.</summary>
    public long HitCount { get; }

    /// <summary>The mean probability of the most probable token, to within 10⁻⁹; NaN if the bin is empty.</summary>
    public double MeanProbability { get; }

    /// <summary>The fraction of predictions whose most probable token was correct; NaN if the bin is empty.</summary>
    public double HitRate => Count == 0 ? double.NaN : (double)HitCount / Count;
}
