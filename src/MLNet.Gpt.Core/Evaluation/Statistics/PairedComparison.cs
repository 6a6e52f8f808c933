using System.Diagnostics;
using System.Globalization;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Evaluation.Statistics;
using MLNet.Gpt.Numerics.Random;

namespace MLNet.Gpt;

/// <summary>
/// Whether one model is better than another on the same text, or only luckier: the difference of their losses with an
/// interval from a paired bootstrap.
/// </summary>
/// <remarks>
/// The units of the text (documents, or blocks of tokens) are drawn with replacement, as many as there are and the same
/// ones for both models. For each resample the difference of the two ratios of sums is computed; the interval leaves (1
/// − <see cref="Confidence"/>) / 2 of the resamples on either side. Sources: Efron and Tibshirani, "An Introduction to
/// the Bootstrap" (1993), chapters 13 and 16; Koehn, "Statistical Significance Tests for Machine Translation
/// Evaluation" (2004). The interval says nothing about other kinds of text, and is rough with fewer than about 30
/// units.
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class PairedComparison
{
    private PairedComparison()
    {
    }

    /// <summary>The first model's loss over all units, in <see cref="Unit"/>.</summary>
    public double First { get; private init; }

    /// <summary>The second model's loss over all units, in <see cref="Unit"/>.</summary>
    public double Second { get; private init; }

    /// <summary>The unit of the losses.</summary>
    public LossUnit Unit { get; private init; }

    /// <summary><see cref="Second"/> − <see cref="First"/>: below 0 the second model is better.</summary>
    public double Difference => Second - First;

    /// <summary>The lower bound of the interval.</summary>
    public double Lower { get; private init; }

    /// <summary>The upper bound of the interval.</summary>
    public double Upper { get; private init; }

    /// <summary>The fraction of the resamples that the interval contains, such as 0.95.</summary>
    public double Confidence { get; private init; }

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
        if (first.Count != second.Count)
        {
            throw new ArgumentException($"The first model has {first.Count} units, the second {second.Count}.", nameof(second));
        }

        if (first.Count < 2)
        {
            throw new ArgumentException($"A comparison needs at least 2 units of text; there is {first.Count}.", nameof(first));
        }

        double[] losses1 = [.. first.Select(metrics => metrics.Loss.Sum)], losses2 = [.. second.Select(metrics => metrics.Loss.Sum)];
        double[] sizes1 = [.. first.Select(SizeOf)], sizes2 = [.. second.Select(SizeOf)];
        if (sizes1.Sum() == 0 || sizes2.Sum() == 0) throw new ArgumentException("Nothing was predicted in any unit.", nameof(first));
        double scale = unitOfLoss == LossUnit.NatsPerToken ? 1 : 1 / Math.Log(2);

        var differences = new List<double>(options.ResampleCount);
        var random = new SplitMix64((ulong)options.Seed);
        for (int resample = 0; resample < options.ResampleCount; resample++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            double loss1 = 0, loss2 = 0, size1 = 0, size2 = 0;
            for (int i = 0; i < first.Count; i++)
            {
                int unit = random.NextBelow(first.Count);
                loss1 += losses1[unit];
                loss2 += losses2[unit];
                size1 += sizes1[unit];
                size2 += sizes2[unit];
            }

            if (size1 > 0 && size2 > 0) differences.Add(scale * ((loss2 / size2) - (loss1 / size1)));
        }

        differences.Sort();
        double outside = (1 - options.Confidence) / 2;
        return new PairedComparison
        {
            First = scale * losses1.Sum() / sizes1.Sum(),
            Second = scale * losses2.Sum() / sizes2.Sum(),
            Unit = unitOfLoss,
            Lower = Quantile(differences, outside),
            Upper = Quantile(differences, 1 - outside),
            Confidence = options.Confidence,
            SecondIsBetter = differences.Count(difference => difference < 0) / (double)differences.Count,
            UnitCount = first.Count,
        };

        double SizeOf(LanguageModelMetrics metrics) => unitOfLoss == LossUnit.NatsPerToken ? metrics.TokenCount : metrics.ByteCount;
    }

    /// <summary>The difference and its interval, such as <c>−0.3000 [−0.3020, −0.2980] bits per byte (95 %, 40 units)</c>.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Difference:F4} [{Lower:F4}, {Upper:F4}] {(Unit == LossUnit.BitsPerByte ? "bits per byte" : "nats per token")} ")
        + string.Create(CultureInfo.InvariantCulture, $"({Confidence:P0}, {UnitCount:N0} units)");

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

    // Interpolates between the two nearest of the sorted values, as NumPy does by default.
    private static double Quantile(List<double> sorted, double fraction)
    {
        double position = fraction * (sorted.Count - 1);
        int below = (int)position, above = Math.Min(below + 1, sorted.Count - 1);
        return sorted[below] + ((position - below) * (sorted[above] - sorted[below]));
    }
}
