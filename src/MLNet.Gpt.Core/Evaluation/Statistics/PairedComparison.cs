using System.Diagnostics;
using System.Globalization;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Evaluation.Intervals;
using MLNet.Gpt.Evaluation.Statistics;

namespace MLNet.Gpt;

/// <summary>
/// Whether one model is better than another on the same text, or only luckier: the difference of their losses with an
/// interval from a paired bootstrap.
/// </summary>
/// <remarks>
/// The units of the text (documents, or blocks of tokens) are drawn with replacement, as many as there are and the same
/// ones for both models. For each resample the difference of the two ratios of sums is computed; the interval leaves (1
/// − <see cref="Confidence"/>) / 2 of the resamples on either side, or less where there are few units. Sources: Efron and Tibshirani, "An
/// Introduction to the Bootstrap" (1993), chapters 13 and 16; Koehn, "Statistical Significance Tests for Machine Translation Evaluation"
/// (2004); Hesterberg, "What Teachers Should Know About the Bootstrap" (2015). The interval says nothing about other kinds of text, and
/// is rough with fewer than about 10 units.
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class PairedComparison
{
    private PairedComparison(Estimate difference) => Estimate = difference;

    /// <summary>The first model's loss over all units, in <see cref="Unit"/>.</summary>
    public double First { get; private init; }

    /// <summary>The second model's loss over all units, in <see cref="Unit"/>.</summary>
    public double Second { get; private init; }

    /// <summary>The unit of the losses; <see langword="null"/> if other figures were compared.</summary>
    public LossUnit? Unit { get; private init; }

    /// <summary><see cref="Second"/> − <see cref="First"/>: of losses, below 0 the second model is better.</summary>
    public double Difference => Estimate.Value;

    /// <summary>The difference with its standard error and interval.</summary>
    public Estimate Estimate { get; }

    /// <summary>The lower bound of the interval.</summary>
    public double Lower => Estimate.Lower;

    /// <summary>The upper bound of the interval.</summary>
    public double Upper => Estimate.Upper;

    /// <summary>The confidence of the interval, such as 0.95.</summary>
    public double Confidence => Estimate.Confidence;

    /// <summary>
    /// How likely a difference at least as far from 0 is if the models are equally good: twice the fraction of the resamples in which the
    /// difference has not the more frequent sign, counting one resample more so that it is never 0.
    /// </summary>
    public double PValue { get; private init; }

    /// <summary>The fraction of the resamples in which the second model is better.</summary>
    public double SecondIsBetter { get; private init; }

    /// <summary>The number of units that were resampled.</summary>
    public int UnitCount { get; private init; }

    /// <summary>Whether the interval excludes 0.</summary>
    public bool IsSignificant => Lower > 0 || Upper < 0;

    /// <summary>Compares two models on the same documents.</summary>
    /// <param name="first">The first model's results of the documents, in order.</param>
    /// <param name="second">The second model's results of the same documents in the same order.</param>
    /// <param name="options">How to compare; the defaults if <see langword="null"/>.</param>
    /// <param name="cancellationToken">Cancels the computation.</param>
    /// <exception cref="ArgumentException">
    /// The documents differ, there are fewer than two, or nothing was predicted in them.
    /// </exception>
    public static PairedComparison FromDocuments(
        IEnumerable<DocumentResult> first, IEnumerable<DocumentResult> second, ComparisonOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        (DocumentResult First, DocumentResult Second)[] pairs = [.. Pairs(first, second)];
        return FromMetrics(
            [.. pairs.Select(pair => pair.First.Metrics)], [.. pairs.Select(pair => pair.Second.Metrics)], options, cancellationToken);
    }

    /// <summary>
    /// Compares two models on blocks of the same tokens, for few long documents. The models must share a tokenizer.
    /// </summary>
    /// <param name="first">The first model's results of the documents, with their tokens, in order.</param>
    /// <param name="second">The second model's results.</param>
    /// <param name="blockLength">
    /// Tokens per block, at least 1. Long enough that the losses of neighboring blocks are less correlated than those
    /// of neighboring tokens.
    /// </param>
    /// <param name="options">How to compare; the unit can only be nats per token.</param>
    /// <param name="cancellationToken">Cancels the computation.</param>
    /// <exception cref="ArgumentException">
    /// The documents or their tokens differ, tokens were not kept, there are fewer than two blocks, or the unit is another.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The block length is below 1.</exception>
    public static PairedComparison FromTokenBlocks(
        IEnumerable<DocumentResult> first, IEnumerable<DocumentResult> second, int blockLength = 128, ComparisonOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        Check.AtLeast(blockLength, 1, nameof(blockLength));
        options ??= new();
        if ((options.Unit ?? LossUnit.NatsPerToken) != LossUnit.NatsPerToken)
        {
            throw new ArgumentException(
                $"Blocks of tokens are compared in {LossUnit.NatsPerToken}; {nameof(ComparisonOptions.Unit)} is {options.Unit}.",
                nameof(options));
        }

        var left = new TokenBlocks(blockLength);
        var right = new TokenBlocks(blockLength);
        foreach (var (a, b) in Pairs(first, second))
        {
            bool hasTokens = a.Tokens.Count > 0 || a.Metrics.TokenCount == 0;
            if (!hasTokens || !a.Tokens.Select(token => token.Id).SequenceEqual(b.Tokens.Select(token => token.Id)))
            {
                throw new ArgumentException(
                    $"The tokens of document '{a.Name}' differ or were not kept; blocks need the same tokens of both models.",
                    nameof(second));
            }

            left.Add(a);
            right.Add(b);
        }

        return FromMetrics(left.Metrics, right.Metrics, options with { Unit = LossUnit.NatsPerToken }, cancellationToken);
    }

    /// <summary>Compares two models by their metrics of the same units of text.</summary>
    /// <param name="first">The first model's metrics.</param>
    /// <param name="second">The second model's metrics, unit by unit.</param>
    /// <param name="options">How to compare; the defaults if <see langword="null"/>.</param>
    /// <param name="cancellationToken">Cancels the computation.</param>
    /// <exception cref="ArgumentException">
    /// The numbers of units differ, there are fewer than two, or nothing was predicted in them.
    /// </exception>
    public static PairedComparison FromMetrics(
        IReadOnlyList<LanguageModelMetrics> first, IReadOnlyList<LanguageModelMetrics> second, ComparisonOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        options ??= new();
        var unitOfLoss = options.Unit ?? LossUnit.BitsPerByte;
        CheckCounts(first.Count, second.Count);
        double[] sizes1 = [.. first.Select(SizeOf)], sizes2 = [.. second.Select(SizeOf)];
        if (sizes1.Sum() == 0 || sizes2.Sum() == 0) throw new ArgumentException("Nothing was predicted in any unit.", nameof(first));
        double scale = unitOfLoss == LossUnit.NatsPerToken ? 1 : 1 / Math.Log(2);
        return FromRatios(
            new([.. first.Select(metrics => metrics.Loss.Sum)], sizes1), new([.. second.Select(metrics => metrics.Loss.Sum)], sizes2),
            scale, higherIsBetter: false, unitOfLoss, options, cancellationToken);

        double SizeOf(LanguageModelMetrics metrics) => unitOfLoss == LossUnit.NatsPerToken ? metrics.TokenCount : metrics.ByteCount;
    }

    /// <summary>
    /// Compares two models by the means of a figure of the same units, such as whether each of the same questions is answered right (1 or
    /// 0), or the log-probability of the right answer.
    /// </summary>
    /// <param name="first">The first model's figure of each unit.</param>
    /// <param name="second">The second model's, unit by unit.</param>
    /// <param name="higherIsBetter">Whether the model with the higher mean is the better one.</param>
    /// <param name="options">How to compare; the defaults if <see langword="null"/>. There is no unit of loss.</param>
    /// <param name="cancellationToken">Cancels the computation.</param>
    /// <exception cref="ArgumentException">The numbers of units differ, there are fewer than two, or a unit of loss is set.</exception>
    public static PairedComparison FromValues(
        IReadOnlyList<double> first, IReadOnlyList<double> second, bool higherIsBetter = true, ComparisonOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        options ??= new();
        if (options.Unit is { } unit)
        {
            throw new ArgumentException(
                $"{nameof(ComparisonOptions.Unit)} is {unit}; the values that are compared are not losses.", nameof(options));
        }

        CheckCounts(first.Count, second.Count);
        double[] ones = new double[first.Count];
        Array.Fill(ones, 1);
        return FromRatios(
            new([.. first], ones), new([.. second], ones), scale: 1, higherIsBetter, unit: null, options, cancellationToken);
    }

    private static PairedComparison FromRatios(
        Ratio first, Ratio second, double scale, bool higherIsBetter, LossUnit? unit, ComparisonOptions options,
        CancellationToken cancellationToken)
    {
        var units = new Vector512<double>[first.Sums.Length];
        for (int i = 0; i < units.Length; i++)
        {
            units[i] = Vector512.Create(first.Sums[i], second.Sums[i], first.Sizes[i], second.Sizes[i], 0, 0, 0, 0);
        }

        var differences = new List<double>(options.ResampleCount);
        Bootstrap.Resample(
            units, options,
            sums =>
            {
                if (sums[2] > 0 && sums[3] > 0) differences.Add(scale * ((sums[1] / sums[3]) - (sums[0] / sums[2])));
            },
            cancellationToken);
        double one = scale * first.Sums.Sum() / first.Sizes.Sum(), other = scale * second.Sums.Sum() / second.Sizes.Sum();
        int below = differences.Count(difference => difference < 0), above = differences.Count(difference => difference > 0);
        int least = differences.Count - Math.Max(below, above);
        return new(Bootstrap.Summarize(other - one, differences, units.Length, options.Confidence))
        {
            First = one,
            Second = other,
            Unit = unit,
            PValue = Math.Min(1, 2 * (1.0 + least) / (1 + differences.Count)),
            SecondIsBetter = (higherIsBetter ? above : below) / (double)differences.Count,
            UnitCount = units.Length,
        };
    }

    private static void CheckCounts(int first, int second)
    {
        if (first != second) throw new ArgumentException($"The first model has {first} units, the second {second}.", nameof(second));
        if (first < 2) throw new ArgumentException($"A comparison needs at least 2 units; there is {first}.", nameof(first));
    }

    /// <summary>The difference and its interval, such as <c>−0.3000 [−0.3020, −0.2980] bits per byte (95 %, 40 units)</c>.</summary>
    public override string ToString()
    {
        string unit = Unit switch
        {
            null => "",
            LossUnit.BitsPerByte => "bits per byte ",
            _ => "nats per token ",
        };
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Difference:F4} [{Lower:F4}, {Upper:F4}] {unit}({Estimate.Percent}, {Quantity.Of(UnitCount, "unit", "N0")})");
    }

    // Yields the documents of both models in pairs.
    private static IEnumerable<(DocumentResult First, DocumentResult Second)> Pairs(
        IEnumerable<DocumentResult> first, IEnumerable<DocumentResult> second)
    {
        using var left = first.GetEnumerator();
        using var right = second.GetEnumerator();
        for (int count = 0; ; count++)
        {
            bool hasLeft = left.MoveNext(), hasRight = right.MoveNext();
            if (hasLeft != hasRight)
            {
                throw new ArgumentException(
                    $"The {(hasLeft ? "second" : "first")} model has results of {Quantity.Of(count, "document")}, "
                    + $"the {(hasLeft ? "first" : "second")} of more.",
                    nameof(second));
            }

            if (!hasLeft) yield break;
            var (one, other) = (left.Current, right.Current);
            if (one.Name != other.Name)
            {
                throw new ArgumentException(
                    $"Document {count + 1} is '{one.Name}' for the first model and '{other.Name}' for the second; they must be the same.",
                    nameof(second));
            }

            yield return (one, other);
        }
    }

    private sealed record Ratio(double[] Sums, double[] Sizes);
}
