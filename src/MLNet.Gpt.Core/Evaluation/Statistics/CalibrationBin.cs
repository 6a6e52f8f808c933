namespace MLNet.Gpt;

/// <summary>Predictions whose most probable token had about the same probability.</summary>
/// <param name="LowerBound">Probabilities above this are in the bin; 0 itself is in the first.</param>
/// <param name="UpperBound">Probabilities up to this are in the bin.</param>
/// <param name="Count">Predictions in the bin.</param>
/// <param name="HitCount">Of those the ones whose most probable token came.</param>
/// <param name="MeanProbability">Mean probability of the most probable token, to within 10⁻⁹; NaN where the bin is empty.</param>
public readonly record struct CalibrationBin(double LowerBound, double UpperBound, long Count, long HitCount, double MeanProbability)
{
    /// <summary>Share of predictions whose most probable token came; NaN where the bin is empty.</summary>
    public double HitRate => Count == 0 ? double.NaN : (double)HitCount / Count;
}
