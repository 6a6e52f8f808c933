namespace MLNet.Gpt.Evaluation.Divergence;

/// <summary>
/// The sums of values and of their squares in fixed point, so that the same values give the same bits in any grouping and order.
/// </summary>
internal sealed class ExactMoments
{
    // Units of 2^-72: fine enough for the squares of values of 10^-8, and 128 bits overflow at 2^55.
    private const int FractionBits = 72;

    private Int128 _sum, _squares;

    /// <summary>The number of values.</summary>
    public long Count { get; private set; }

    /// <summary>The number of values that are infinite or not a number, which are not in the sums.</summary>
    public long InfiniteCount { get; private set; }

    /// <summary>The sum of the values; NaN if one is not finite.</summary>
    public double Sum => ToDouble(_sum);

    /// <summary>The sum of their squares; NaN if one is not finite.</summary>
    public double SumOfSquares => ToDouble(_squares);

    /// <summary>The mean, with the standard error s / √n and an interval; 0 or more values.</summary>
    public Estimate Mean(double confidence) => Estimate.OfMean(Sum, SumOfSquares, Count, confidence);

    public void Add(double value)
    {
        Count++;
        if (!double.IsFinite(value)) InfiniteCount++;
        else checked
        {
            _sum += ToFixed(value);
            _squares += ToFixed(value * value);
        }
    }

    /// <exception cref="OverflowException">The value is too large.</exception>
    internal static Int128 ToFixed(double value) => checked((Int128)Math.Round(Math.ScaleB(value, FractionBits)));

    internal static double FromFixed(Int128 units) => Math.ScaleB((double)units, -FractionBits);

    private double ToDouble(Int128 units) => InfiniteCount > 0 ? double.NaN : FromFixed(units);
}
