using System.Numerics;

namespace MLNet.Gpt.Tests.Evaluation;

public class McNemarTestTests
{
    [Fact]
    public void The_p_value_is_that_of_the_binomial_distribution_in_whole_numbers()
    {
        for (int count = 0; count <= 130; count++)
        {
            for (int first = 0; first <= count; first++)
            {
                Assert.Equal(Exact(first, count), new McNemarTest(first, count - first).PValue, 1e-13);
            }
        }

        foreach (var (first, second) in (ReadOnlySpan<(int, int)>)[(400, 600), (3, 990), (2400, 2600), (0, 900)])
        {
            double exact = Exact(first, first + second);
            Assert.Equal(1, new McNemarTest(first, second).PValue / exact, 1e-10);
            Assert.Equal(1, new McNemarTest(second, first).PValue / exact, 1e-10);
        }
    }

    [Fact]
    public void Large_numbers_agree_with_the_normal_distribution()
    {
        // With the correction for continuity: z = (|first − second| − 1) / √(first + second).
        double z = (2000 - 1) / Math.Sqrt(2_000_000), p = 2 * MLNet.Gpt.Evaluation.Intervals.NormalDistribution.Cumulative(-z);
        Assert.Equal(p, new McNemarTest(999_000, 1_001_000).PValue, 1e-6);
    }

    [Fact]
    public void Runs_are_counted_question_by_question()
    {
        var test = McNemarTest.Of([true, true, false, false, true, true], [true, false, true, false, false, false]);
        Assert.Equal((3, 1), (test.FirstOnly, test.SecondOnly));
        Assert.Equal(10 / 16.0, test.PValue, 1e-15); // 2 (1 + 4) / 2⁴
        Assert.Equal("3 right only in the first, 1 only in the second, p = 0.6250", test.ToString());
        Assert.Equal(1, McNemarTest.Of([true, false], [true, false]).PValue);
        Assert.Throws<ArgumentException>("second", () => McNemarTest.Of([true], [true, false]));
        Assert.Throws<ArgumentOutOfRangeException>("secondOnly", () => new McNemarTest(1, -1));
    }

    // Twice the tail up to the smaller number, at most 1, as a fraction of two whole numbers.
    private static double Exact(int first, int count)
    {
        BigInteger term = 1, tail = 0;
        for (int k = 0; k <= Math.Min(first, count - first); k++)
        {
            tail += term;
            term = term * (count - k) / (k + 1);
        }

        var whole = BigInteger.One << count;
        if (2 * tail >= whole) return 1;

        // The quotient with 64 bits; a double has no more.
        int shift = 64 + (int)Math.Max(0, whole.GetBitLength() - tail.GetBitLength());
        return (double)((2 * tail << shift) / whole) * Math.Pow(2, -shift);
    }
}
