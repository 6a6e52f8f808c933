using CsCheck;
using MLNet.Gpt.Numerics.Softmax;

namespace MLNet.Gpt.Tests.Generation;

public class StableExponentialTests
{
    [Fact]
    public void It_is_the_exponential_to_the_last_digit()
    {
        Gen.Double[-708, 0].Array[1, 40].Sample(
            values =>
            {
                double[] results = [.. values];
                StableExponential.Apply(results);
                for (int i = 0; i < values.Length; i++)
                {
                    // Two units in the last place, plus the system library's own error.
                    double exact = Math.Exp(values[i]);
                    Assert.True(
                        Math.Abs(results[i] - exact) <= 3 * (Math.BitIncrement(exact) - exact),
                        $"e^{values[i]:R} is {exact:R}, not {results[i]:R}");
                }
            },
            iter: 20_000);
    }

    [Fact]
    public void Zero_gives_exactly_one_and_the_far_end_gives_zero()
    {
        double[] values = [0, -0.0, -709, -1e300, double.NegativeInfinity];
        StableExponential.Apply(values);
        Assert.Equal([1, 1, 0, 0, 0], values);
    }

    // Seeded texts depend on these bits: they are the same on every machine, and changing them changes texts.
    [Fact]
    public void Its_bits_are_the_same_everywhere()
    {
        double[] values = [.. Enumerable.Range(0, 100_000).Select(i => -i / 143.0)];
        StableExponential.Apply(values);
        ulong hash = 14695981039346656037;
        foreach (double value in values) hash = (hash ^ BitConverter.DoubleToUInt64Bits(value)) * 1099511628211;
        Assert.Equal(2644773889309697645UL, hash);
    }
}
