using System.Numerics;
using CsCheck;

namespace MLNet.Gpt.Tests.Loss;

public class LossSummaryTests
{
    private static readonly Gen<LossSummary> AnySummary = Gen.Double[0, 40].Array[0, 20].Select(Summarize);

    [Fact]
    public void Loss_is_the_sum_over_the_count_and_perplexity_its_exponential()
    {
        var summary = LossSummary.Of(Math.Log(2)) + LossSummary.Of(Math.Log(8));
        Assert.Equal(2, summary.TokenCount);
        Assert.Equal(Math.Log(16), summary.Sum, 1e-15);
        Assert.Equal(Math.Log(4), summary.CrossEntropy, 1e-15);
        Assert.Equal(4, summary.Perplexity, 1e-14);
    }

    [Fact] // one token with a loss of 1 and three with a loss of 5: the mean over tokens is 4, that over batches would be 3
    public void Batches_of_different_size_count_by_their_tokens()
    {
        var small = LossSummary.Of(1);
        var large = Summarize([5, 5, 5]);
        Assert.Equal(4, (small + large).CrossEntropy);
    }

    [Fact]
    public void The_summary_of_no_tokens_has_no_loss_and_changes_nothing()
    {
        Assert.Equal(0, LossSummary.Empty.TokenCount);
        Assert.True(double.IsNaN(LossSummary.Empty.CrossEntropy));
        Assert.True(double.IsNaN(LossSummary.Empty.Perplexity));
        AnySummary.Sample(summary => summary + LossSummary.Empty == summary && LossSummary.Empty + summary == summary);
    }

    [Fact]
    public void Order_and_grouping_do_not_change_a_bit() => Gen.Select(AnySummary, AnySummary, AnySummary)
        .Sample((a, b, c) => a + b == b + a && (a + b) + c == a + (b + c));

    [Fact] // in floating point, 1e15 would swallow the small ones
    public void A_large_loss_does_not_swallow_small_ones()
    {
        const int count = 1_000_000;
        var summary = LossSummary.Of(1L << 55);
        for (int i = 0; i < count; i++) summary += LossSummary.Of(1.0 / 1024);
        Assert.Equal((double)(1L << 55) + (count / 1024.0), summary.Sum);
    }

    [Fact] // every double from 2^-7 up is a whole number of units, so the sum has one correct value
    public void The_sum_is_the_exact_sum_rounded_once() => Gen.Double[0.0078125, 1e6].Array[1, 200].Sample(losses =>
    {
        var exact = losses.Aggregate(BigInteger.Zero, (sum, loss) => sum + new BigInteger(loss * Math.Pow(2, 60)));
        double nearest = losses.Sum();
        foreach (
            double candidate in new[]
            {
                Math.BitDecrement(nearest), nearest, Math.BitIncrement(nearest),
                Math.BitDecrement(Math.BitDecrement(nearest)), Math.BitIncrement(Math.BitIncrement(nearest)),
            })
        {
            if (Distance(candidate) < Distance(nearest)) nearest = candidate;
        }

        Assert.True(Distance(Summarize(losses).Sum) <= Distance(nearest));

        BigInteger Distance(double value) => BigInteger.Abs(new BigInteger(value * Math.Pow(2, 60)) - exact);
    });

    [Fact]
    public void An_infinite_loss_makes_the_sum_infinite()
    {
        var summary = LossSummary.Of(double.PositiveInfinity) + LossSummary.Of(1);
        Assert.Equal(2, summary.TokenCount);
        Assert.Equal(double.PositiveInfinity, summary.Sum);
        Assert.Equal(double.PositiveInfinity, summary.CrossEntropy);
        Assert.Equal(double.PositiveInfinity, summary.Perplexity);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.NegativeInfinity)]
    [InlineData(1e300)]
    public void A_loss_that_is_NaN_is_an_error(double loss) =>
        Assert.Contains("cannot be summed", Assert.Throws<ArgumentOutOfRangeException>(() => LossSummary.Of(loss)).Message);

    [Fact]
    public void A_sum_beyond_its_range_is_an_error_and_never_wraps()
    {
        var summary = LossSummary.Of(1L << 60);
        for (int i = 0; i < 6; i++) summary += summary;
        Assert.Throws<OverflowException>(() => summary + summary);
    }

    [Fact]
    public void Written_and_read_back_it_is_the_same_to_the_last_bit()
    {
        AnySummary.Sample(summary => LossSummary.ParseExact(summary.ToExactString()) == summary);
        foreach (
            var summary in new[]
            {
                LossSummary.Empty, LossSummary.Of(double.PositiveInfinity) + LossSummary.Of(0.1),
                LossSummary.Of(-1e-17),
            })
        {
            Assert.Equal(summary, LossSummary.ParseExact(summary.ToExactString()));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("1;2")]
    [InlineData("-1;0;5")]
    [InlineData("1;0;x")]
    [InlineData("1;0;5;6")]
    public void Text_that_is_not_a_summary_is_an_error_that_quotes_it(string text) =>
        Assert.Contains($"'{text}'", Assert.Throws<FormatException>(() => LossSummary.ParseExact(text)).Message);

    private static LossSummary Summarize(double[] losses) => losses.Aggregate(LossSummary.Empty, (sum, loss) => sum + LossSummary.Of(loss));
}
