using System.Diagnostics;
using MLNet.Gpt.Configuration;

namespace MLNet.Gpt.Evaluation.Divergence;

/// <summary>
/// The distribution of any number of values in memory that does not grow with it: values that agree in the sign, the exponent and the
/// first 12 bits of the fraction are counted together. Quantiles are within 2^-13 (0.012 %) of the value, the least and the greatest exact,
/// and the same values give the same bits in any order.
/// </summary>
internal sealed class ValueHistogram
{
    private const int DroppedBits = 23 - 12;

    // The sign and the first bits of the magnitude; in the order of the values.
    private readonly Dictionary<int, long> _counts = [];
    private long _count;
    private float _least = float.PositiveInfinity, _greatest = float.NegativeInfinity;

    /// <summary>Adds a value; NaN, which has no place in an order, is left out.</summary>
    public void Add(float value)
    {
        if (float.IsNaN(value)) return;
        int magnitude = (BitConverter.SingleToInt32Bits(value) & int.MaxValue) >> DroppedBits;
        int key = value < 0 ? -magnitude : magnitude;
        _counts[key] = _counts.GetValueOrDefault(key) + 1;
        _count++;
        _least = Math.Min(_least, value);
        _greatest = Math.Max(_greatest, value);
    }

    /// <summary>
    /// Returns quantiles, interpolated between the two nearest values as NumPy does by default; NaN if there are no values.
    /// </summary>
    /// <param name="fractions">Fractions of the values that are below, from 0 to 1, in ascending order.</param>
    public double[] Quantiles(params double[] fractions)
    {
        double[] results = new double[fractions.Length];
        Array.Fill(results, double.NaN);
        if (_count == 0) return results;

        int[] keys = [.. _counts.Keys.Order()];
        long before = 0; // values in the buckets before the current one
        int bucket = 0;
        for (int i = 0; i < fractions.Length; i++)
        {
            double position = Check.Between(fractions[i], 0, 1, nameof(fractions)) * (_count - 1);
            long below = (long)position;
            while (before + _counts[keys[bucket]] <= below) before += _counts[keys[bucket++]];
            double value = ValueOf(below, keys[bucket]);
            if (position > below)
            {
                bool isLastOfBucket = below + 1 == before + _counts[keys[bucket]];
                double next = ValueOf(below + 1, keys[bucket + (isLastOfBucket ? 1 : 0)]);
                if (value != next) value += (position - below) * (next - value);
            }

            results[i] = value;
        }

        return results;
    }

    private double ValueOf(long rank, int key)
    {
        if (rank == 0) return _least;
        if (rank == _count - 1) return _greatest;
        int first = Math.Abs(key) << DroppedBits;
        Debug.Assert(first >= 0, "The sign is not among the bits.");
        double lower = BitConverter.Int32BitsToSingle(first);
        if (key == 0 || double.IsInfinity(lower)) return key < 0 ? -lower : lower;

        double middle = (lower + BitConverter.Int32BitsToSingle(first | ((1 << DroppedBits) - 1))) / 2;
        return Math.Clamp(key < 0 ? -middle : middle, _least, _greatest);
    }
}
