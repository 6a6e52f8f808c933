namespace MLNet.Gpt;

/// <summary>Tokens of about the same surprisal.</summary>
/// <param name="LowerBound">Surprisals from this on, in bits.</param>
/// <param name="UpperBound">Surprisals below this, in bits; infinity in the last bin.</param>
/// <param name="Count">Tokens in the bin.</param>
public readonly record struct HistogramBin(double LowerBound, double UpperBound, long Count);
