using System.Diagnostics;
using System.Globalization;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Evaluation.Intervals;

namespace MLNet.Gpt;

/// <summary>A figure with its standard error and a confidence interval.</summary>
/// <remarks>
/// The interval says how far the figure would vary over other samples of the same kind of text or questions. Bounds and standard error
/// are NaN where the sample is too small to tell.
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class Estimate : IFormattable
{
    /// <summary>The confidence of intervals unless another is asked for.</summary>
    internal const double DefaultConfidence = 0.95;

    /// <summary>Initializes an estimate whose interval was computed elsewhere.</summary>
    /// <param name="value">The figure.</param>
    /// <param name="standardError">Its standard error.</param>
    /// <param name="lower">The lower bound of the interval.</param>
    /// <param name="upper">The upper bound of the interval.</param>
    /// <param name="confidence">The confidence of the interval, above 0 and below 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The confidence is not above 0 and below 1.</exception>
    public Estimate(double value, double standardError, double lower, double upper, double confidence = DefaultConfidence)
    {
        (Value, StandardError, Lower, Upper) = (value, standardError, lower, upper);
        Confidence = Check.Fraction(confidence, nameof(confidence));
    }

    /// <summary>The figure.</summary>
    public double Value { get; }

    /// <summary>The standard error: the standard deviation that the figure has over samples; NaN if unknown.</summary>
    public double StandardError { get; }

    /// <summary>The lower bound of the interval; NaN if unknown.</summary>
    public double Lower { get; }

    /// <summary>The upper bound of the interval; NaN if unknown.</summary>
    public double Upper { get; }

    /// <summary>The fraction of samples whose interval contains the true value, such as 0.95.</summary>
    public double Confidence { get; }

    /// <summary>Estimates a proportion, such as an accuracy, with the Wilson score interval.</summary>
    /// <remarks>
    /// Source: Wilson, "Probable inference, the law of succession, and statistical inference" (1927); recommended by Brown, Cai and
    /// DasGupta, "Interval Estimation for a Binomial Proportion" (2001), who call it the Wilson interval. It is never outside 0 to 1 and
    /// has a width even at 0 and 1. The standard error is √(p (1 − p) / (n − 1)), as lm-evaluation-harness defines it.
    /// </remarks>
    /// <param name="successes">The number of successes, from 0 to <paramref name="trials"/>.</param>
    /// <param name="trials">The number of trials, n; with 0 everything is NaN.</param>
    /// <param name="confidence">The confidence of the interval, above 0 and below 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count is negative, or there are more successes than trials.</exception>
    public static Estimate OfProportion(long successes, long trials, double confidence = DefaultConfidence)
    {
        Check.AtLeast(trials, 0, nameof(trials));
        Check.Between(successes, 0, trials, nameof(successes));
        double z = NormalDistribution.TwoSided(Check.Fraction(confidence, nameof(confidence)));
        if (trials == 0) return Unknown(double.NaN, confidence);

        double p = (double)successes / trials, n = trials, weight = z * z / n;
        double center = (p + (weight / 2)) / (1 + weight);
        double half = z / (1 + weight) * Math.Sqrt((p * (1 - p) / n) + (weight / (4 * n)));
        double error = trials < 2 ? double.NaN : Math.Sqrt(p * (1 - p) / (n - 1));
        double lower = successes == 0 ? 0 : Math.Max(0, center - half), upper = successes == trials ? 1 : Math.Min(1, center + half);
        return new(p, error, lower, upper, confidence);
    }

    /// <summary>Estimates a mean from the sums of the values and of their squares, with Student's t interval.</summary>
    /// <remarks>The standard error is s / √n, where s² divides by n − 1.</remarks>
    /// <param name="sum">The sum of the values.</param>
    /// <param name="sumOfSquares">The sum of their squares.</param>
    /// <param name="count">The number of values, n; with fewer than 2 the standard error and the bounds are NaN.</param>
    /// <param name="confidence">The confidence of the interval, above 0 and below 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count is negative.</exception>
    public static Estimate OfMean(double sum, double sumOfSquares, long count, double confidence = DefaultConfidence)
    {
        Check.AtLeast(count, 0, nameof(count));
        Check.Fraction(confidence, nameof(confidence));
        double mean = sum / count;
        if (count < 2) return Unknown(count == 0 ? double.NaN : mean, confidence);

        // Rounding can make the variance of equal values negative.
        double variance = Math.Max(0, sumOfSquares - (sum * mean)) / (count - 1);
        return FromStandardError(mean, Math.Sqrt(variance / count), count - 1, confidence);
    }

    /// <summary>Estimates a mean, with Student's t interval; the standard error is s / √n.</summary>
    /// <param name="values">The values; with fewer than 2 the standard error and the bounds are NaN.</param>
    /// <param name="confidence">The confidence of the interval, above 0 and below 1.</param>
    public static Estimate OfMean(IReadOnlyCollection<double> values, double confidence = DefaultConfidence)
    {
        Check.Fraction(confidence, nameof(confidence));
        if (values.Count < 2) return Unknown(values.Count == 0 ? double.NaN : values.First(), confidence);
        double mean = values.Average(), squares = values.Sum(value => (value - mean) * (value - mean));
        return FromStandardError(mean, Math.Sqrt(squares / (values.Count - 1) / values.Count), values.Count - 1, confidence);
    }

    /// <summary>
    /// Returns the estimate of exp of the figure, such as the perplexity for a cross-entropy: exp of the bounds, and by the delta method
    /// exp of the figure times its standard error.
    /// </summary>
    public Estimate Exponential() =>
        new(Math.Exp(Value), Math.Exp(Value) * StandardError, Math.Exp(Lower), Math.Exp(Upper), Confidence);

    /// <summary>Returns the estimate in another unit: everything times a factor.</summary>
    /// <param name="factor">The factor; a negative one swaps the bounds.</param>
    public Estimate Times(double factor) => factor < 0
        ? new(Value * factor, StandardError * -factor, Upper * factor, Lower * factor, Confidence)
        : new(Value * factor, StandardError * factor, Lower * factor, Upper * factor, Confidence);

    /// <summary>The figure, its standard error and the interval, such as <c>0.6120 ± 0.0218 (95 % 0.5686 to 0.6537)</c>.</summary>
    public override string ToString() => ToString("F4", CultureInfo.InvariantCulture);

    /// <summary>Returns the figure, its standard error and the interval in a format for numbers.</summary>
    /// <param name="format">The format of each number, such as <c>F2</c>; <c>F4</c> if <see langword="null"/>.</param>
    /// <param name="formatProvider">The culture; the invariant one if <see langword="null"/>.</param>
    public string ToString(string? format, IFormatProvider? formatProvider = null)
    {
        if (double.IsNaN(StandardError) && double.IsNaN(Lower)) return Text(Value);
        return $"{Text(Value)} ± {Text(StandardError)} ({Percent} {Text(Lower)} to {Text(Upper)})";

        string Text(double number) =>
            number.ToString(string.IsNullOrEmpty(format) ? "F4" : format, formatProvider ?? CultureInfo.InvariantCulture);
    }

    /// <summary>The confidence as text, such as <c>95 %</c> or <c>99.9 %</c>.</summary>
    internal string Percent => string.Create(CultureInfo.InvariantCulture, $"{100 * Confidence:0.####} %");

    /// <summary>Returns an estimate of which only the figure is known.</summary>
    internal static Estimate Unknown(double value, double confidence = DefaultConfidence) =>
        new(value, double.NaN, double.NaN, double.NaN, confidence);

    /// <summary>Returns an estimate with Student's t interval.</summary>
    internal static Estimate FromStandardError(double value, double error, double degreesOfFreedom, double confidence)
    {
        double half = StudentT.TwoSided(confidence, degreesOfFreedom) * error;
        return new(value, error, value - half, value + half, confidence);
    }
}
