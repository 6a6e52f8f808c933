namespace MLNet.Gpt;

/// <summary>The number of tokens of similar surprisal.</summary>
public readonly struct HistogramBin
{
    internal HistogramBin(double lowerBound, double upperBound, long count) =>
        (LowerBound, UpperBound, Count) = (lowerBound, upperBound, count);

    /// <summary>The least surprisal in the bin, in bits.</summary>
    public double LowerBound { get; }

    /// <summary>The surprisal, in bits, that all tokens of the bin are below; infinity for the last bin.</summary>
    public double UpperBound { get; }

    /// <summary>The number of tokens in the bin.</summary>
    public long Count { get; }
}
