using MLNet.Gpt.Evaluation.Intervals;

namespace MLNet.Gpt.Tests.Evaluation;

public class EstimateTests
{
    // The score intervals without continuity correction in table I of Newcombe, "Two-sided confidence intervals for the single
    // proportion: comparison of seven methods", Statistics in Medicine 17 (1998). Brown, Cai and DasGupta (2001) call this interval
    // Wilson's, and give its formula, (4), but no table of it.
    [Theory]
    [InlineData(81, 263, 0.2553, 0.3662)]
    [InlineData(15, 148, 0.0624, 0.1605)]
    [InlineData(0, 20, 0.0000, 0.1611)]
    [InlineData(1, 29, 0.0061, 0.1718)]
    public void Wilson_bounds_are_those_of_the_published_table(int successes, int trials, double lower, double upper)
    {
        var estimate = Estimate.OfProportion(successes, trials);
        Assert.Equal(lower, estimate.Lower, 4);
        Assert.Equal(upper, estimate.Upper, 4);
        Assert.Equal((double)successes / trials, estimate.Value);
        var failures = Estimate.OfProportion(trials - successes, trials);
        Assert.Equal(1 - lower, failures.Upper, 4);
        Assert.Equal(1 - upper, failures.Lower, 4);
    }

    // R's package binom, binom.confint(x, n, methods = "wilson").
    [Theory]
    [InlineData(18, 20, 0.6989663547715128, 0.972133518786232)]
    [InlineData(4, 20, 0.0806576625797981, 0.4160174322518935)]
    [InlineData(4, 200, 0.00780442641634947, 0.05028708690582643)]
    [InlineData(190, 200, 0.910421851861224, 0.972617354399236)]
    public void Wilson_bounds_are_those_of_R(int successes, int trials, double lower, double upper)
    {
        var estimate = Estimate.OfProportion(successes, trials);
        Assert.Equal(lower, estimate.Lower, 1e-12);
        Assert.Equal(upper, estimate.Upper, 1e-12);
    }

    // Formula (4) of Brown, Cai and DasGupta (2001), as printed: (X + κ²/2) / (n + κ²) ± κ √n / (n + κ²) · √(p̂ q̂ + κ² / (4 n)).
    [Theory]
    [InlineData(0.8)]
    [InlineData(0.95)]
    [InlineData(0.999)]
    public void Wilson_bounds_solve_the_equation_of_the_score_test(double confidence)
    {
        foreach (int trials in (int[])[1, 2, 7, 50, 1000])
        {
            for (int successes = 0; successes <= trials; successes += Math.Max(1, trials / 10))
            {
                var estimate = Estimate.OfProportion(successes, trials, confidence);
                double k = NormalDistribution.TwoSided(confidence), p = (double)successes / trials;
                double center = (successes + (k * k / 2)) / (trials + (k * k));
                double half = k * Math.Sqrt(trials) / (trials + (k * k)) * Math.Sqrt((p * (1 - p)) + (k * k / (4.0 * trials)));
                Assert.Equal(Math.Max(0, center - half), estimate.Lower, 1e-12);
                Assert.Equal(Math.Min(1, center + half), estimate.Upper, 1e-12);
                foreach (double bound in (double[])[estimate.Lower, estimate.Upper])
                {
                    if (bound is 0 or 1) continue;
                    Assert.Equal(k, Math.Abs(p - bound) / Math.Sqrt(bound * (1 - bound) / trials), 1e-6);
                }
            }
        }
    }

    [Fact]
    public void The_standard_error_of_a_proportion_is_that_of_a_mean_of_zeros_and_ones()
    {
        double[] values = [.. Enumerable.Range(0, 50).Select(i => i < 30 ? 1.0 : 0.0)];
        Assert.Equal(Estimate.OfMean(values).StandardError, Estimate.OfProportion(30, 50).StandardError, 1e-15);
        Assert.Equal(Estimate.OfMean(30, 30, 50).StandardError, Estimate.OfProportion(30, 50).StandardError, 1e-15);
        Assert.Equal("0.6000 ± 0.0700 (95 % 0.4618 to 0.7239)", Estimate.OfProportion(30, 50).ToString());
        Assert.Equal("60.0 ± 7.0 (95 % 46.2 to 72.4)", $"{Estimate.OfProportion(30, 50).Times(100):F1}");
    }

    // The tables of Student's t, such as Abramowitz and Stegun (1964), table 26.10, with more digits.
    [Theory]
    [InlineData(1, 12.7062047)]
    [InlineData(2, 4.30265273)]
    [InlineData(3, 3.18244631)]
    [InlineData(4, 2.77644511)]
    [InlineData(5, 2.57058184)]
    [InlineData(9, 2.26215716)]
    [InlineData(29, 2.04522964)]
    [InlineData(1_000_000_000, 1.95996399)]
    public void The_interval_of_a_mean_is_Students(int degreesOfFreedom, double t)
    {
        Assert.Equal(t, StudentT.TwoSided(0.95, degreesOfFreedom), 1e-4);
        var estimate = Estimate.FromStandardError(3, 0.5, degreesOfFreedom, 0.95);
        Assert.Equal(3 - (t / 2), estimate.Lower, 1e-4);
        Assert.Equal(3 + (t / 2), estimate.Upper, 1e-4);
    }

    [Theory]
    [InlineData(0.6, 0.2533471031357997)]
    [InlineData(0.975, 1.959963984540054)]
    [InlineData(0.9995, 3.2905267314918945)]
    [InlineData(1e-12, -7.034483825301131)]
    public void Quantiles_of_the_normal_distribution_have_all_digits(double fraction, double quantile) =>
        Assert.Equal(quantile, NormalDistribution.Quantile(fraction), 1e-12);

    [Fact]
    public void A_sample_that_is_too_small_has_no_interval()
    {
        Assert.True(Estimate.OfProportion(0, 0) is { Value: double.NaN, Lower: double.NaN, StandardError: double.NaN });
        Assert.True(Estimate.OfMean([2.5]) is { Value: 2.5, Lower: double.NaN, Upper: double.NaN, StandardError: double.NaN });
        Assert.Equal("2.5000", Estimate.OfMean([2.5]).ToString());
        Assert.True(Estimate.OfProportion(1, 1) is { Value: 1, Lower: > 0.2 and < 0.21, Upper: 1, StandardError: double.NaN });
    }

    [Fact]
    public void Wrong_arguments_are_named()
    {
        Assert.Contains("successes is 3; it must be from 0 to 2",
            Assert.Throws<ArgumentOutOfRangeException>(() => Estimate.OfProportion(3, 2)).Message, StringComparison.Ordinal);
        foreach (double confidence in (double[])[0, 1, double.NaN, 95])
        {
            Assert.Throws<ArgumentOutOfRangeException>("confidence", () => Estimate.OfProportion(1, 2, confidence));
            Assert.Throws<ArgumentOutOfRangeException>("confidence", () => Estimate.OfMean([1, 2], confidence));
            Assert.Throws<ArgumentOutOfRangeException>("confidence", () => new Estimate(1, 1, 0, 2, confidence));
        }
    }

    [Fact]
    public void Units_change_with_the_figure()
    {
        var loss = new Estimate(2, 0.1, 1.8, 2.2);
        var perplexity = loss.Exponential();
        Assert.Equal(Math.Exp(2), perplexity.Value);
        Assert.Equal(Math.Exp(2) * 0.1, perplexity.StandardError);
        Assert.Equal((Math.Exp(1.8), Math.Exp(2.2)), (perplexity.Lower, perplexity.Upper));
        var negative = loss.Times(-2);
        Assert.Equal((-4, 0.2, -4.4, -3.6), (negative.Value, negative.StandardError, negative.Lower, negative.Upper));
    }
}
