using MLNet.Gpt.Numerics.Kernels;

namespace MLNet.Gpt.Tests.Numerics;

public unsafe class DivergenceSumsTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 3)]
    [InlineData(8, 8)]
    [InlineData(61, 16)]
    [InlineData(1000, 384)]
    public void The_divergence_is_that_of_the_definition(int count, int chunk)
    {
        foreach (double change in (double[])[0, 1e-6, 1e-3, 1, 10])
        {
            var random = new Random(count);
            float[] x = [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() * 30))];
            float[] y = [.. x.Select(logit => (float)(logit + 5 + (change * random.NextDouble())))];
            double expected = Expected(x, y), actual = Of(x, y, chunk, out bool isSameTop);
            Assert.InRange(actual, Math.Max(0, expected - 1e-12), expected + 1e-12 + (expected * 1e-12));
            Assert.Equal(Array.IndexOf(x, x.Max()) == Array.IndexOf(y, y.Max()), isSameTop);
        }
    }

    [Fact]
    public void Equal_logits_give_exactly_0()
    {
        var random = new Random(1);
        for (int count = 1; count < 100; count++)
        {
            float[] x = [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() - 0.5) * 200))];
            Assert.Equal(0, Of(x, x, 16, out bool isSameTop));
            Assert.True(isSameTop);
        }
    }

    [Fact]
    public void A_token_ruled_out_by_the_reference_counts_nothing_and_one_by_the_model_infinitely_much()
    {
        float none = float.NegativeInfinity;
        Assert.Equal(Math.Log(2), Of([1, 1, none], [1, 1, 1 + MathF.Log(2)], 16, out _), 6);
        Assert.Equal(0, Of([1, 2, none], [1, 2, none], 16, out _));
        Assert.Equal(double.PositiveInfinity, Of([1, 2, 3], [1, 2, none], 16, out _));
    }

    [Fact]
    public void Among_equals_the_lower_id_is_on_top()
    {
        Of([1, 3, 3, 2], [1, 3, 2, 3], 2, out bool isSameTop);
        Assert.True(isSameTop);
        Of([1, 2, 3, 3], [1, 2, 2, 3], 2, out isSameTop);
        Assert.False(isSameTop);
        Of([3, 1, 1, 1], [1, 1, 3, 1], 2, out isSameTop); // the same place in another chunk
        Assert.False(isSameTop);
    }

    private static double Of(float[] x, float[] y, int width, out bool isSameTop)
    {
        int chunks = (x.Length + width - 1) / width;
        LogSumExp[] left = new LogSumExp[chunks], right = new LogSumExp[chunks];
        var sums = new DivergenceSums[chunks];
        fixed (float* one = x, other = y)
        {
            for (int chunk = 0; chunk < chunks; chunk++)
            {
                int first = chunk * width, count = Math.Min(width, x.Length - first);
                left[chunk] = LogSumExp.Of(one + first, count, 0);
                right[chunk] = LogSumExp.Of(other + first, count, 0);
                sums[chunk] = DivergenceSums.Of(one + first, other + first, count, left[chunk].Maximum, right[chunk].Maximum);
            }
        }

        return DivergenceSums.Combine(sums, left, right, out isSameTop);
    }

    private static double Expected(float[] x, float[] y)
    {
        double m = x.Max(), n = y.Max();
        double s = Math.Log(x.Sum(logit => Math.Exp(logit - m))), r = Math.Log(y.Sum(logit => Math.Exp(logit - n)));
        double kl = 0;
        for (int i = 0; i < x.Length; i++) kl += Math.Exp(x[i] - m - s) * ((x[i] - m - s) - (y[i] - n - r));
        return kl;
    }
}
