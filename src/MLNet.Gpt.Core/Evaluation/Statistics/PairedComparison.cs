using MLNet.Gpt.Configuration;
using MLNet.Gpt.Evaluation.Statistics;
using MLNet.Gpt.Numerics.Random;

namespace MLNet.Gpt;

/// <summary>
/// Whether one model is better than another on the same text, or only luckier: the difference of their losses with an interval
/// from a paired bootstrap.
/// </summary>
/// <remarks>
/// The text's units (documents, or blocks of tokens) are drawn with replacement, as many as there are, the same for both models;
/// the difference of the two ratios of sums is computed of each draw, and the interval leaves (1 − <see cref="Confidence"/>) / 2
/// of the draws on either side. Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapters 13 and 16;
/// Koehn, "Statistical Significance Tests for Machine Translation Evaluation" (2004). The interval says nothing about texts of
/// another kind, and is rough with fewer than about 30 units.
/// </remarks>
public sealed class PairedComparison
{
    private PairedComparison()
    {
    }

    /// <summary>The first model's loss over all units, in <see cref="Unit"/>.</summary>
    public required double First { get; init; }

    /// <summary>The second model's loss over all units, in <see cref="Unit"/>.</summary>
    public required double Second { get; init; }

    /// <summary>What losses are given in.</summary>
    public required LossUnit Unit { get; init; }

    /// <summary><see cref="Second"/> − <see cref="First"/>: below 0 the second model is better.</summary>
    public double Difference => Second - First;

    /// <summary>The interval's lower bound.</summary>
    public required double Lower { get; init; }

    /// <summary>The interval's upper bound.</summary>
    public required double Upper { get; init; }

    /// <summary>How much of the draws the interval holds, such as 0.95.</summary>
    public required double Confidence { get; init; }

    /// <summary>Share of the draws in which the second model is better.</summary>
    public required double SecondIsBetter { get; init; }

    /// <summary>Units that were drawn from.</summary>
    public required int UnitCount { get; init; }

    /// <summary>Whether the interval leaves 0 out.</summary>
    public bool IsSignificant => Lower > 0 || Upper < 0;

    /// <summary>Compares two models by the same documents.</summary>
    /// <param name="first">The first model's results of the documents, in order.</param>
    /// <param name="second">The second model's, of the same documents in the same order.</param>
    /// <param name="options">How; the defaults where <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">The documents are not the same, or there are fewer than two, or nothing was
    /// predicted.</exception>
    public static PairedComparison OfDocuments(IEnumerable<DocumentResult> first, IEnumerable<DocumentResult> second, ComparisonOptions? options = null)
    {
        (DocumentResult First, DocumentResult Second)[] pairs = [.. Pairs(first, second)];
        return Of([.. pairs.Select(pair => pair.First.Score)], [.. pairs.Select(pair => pair.Second.Score)], options);
    }

    /// <summary>Compares two models by blocks of the same tokens: for few long documents. Both must share a tokenizer.</summary>
    /// <param name="first">The first model's results of the documents, with their tokens, in order.</param>
    /// <param name="second">The second model's.</param>
    /// <param name="blockLength">Tokens of a block, at least 1; long enough that neighbours' losses hang together less than
    /// tokens' do.</param>
    /// <param name="options">How; the unit is nats per token.</param>
    /// <exception cref="ArgumentException">
    /// The documents or their tokens are not the same, tokens were not kept, or there are fewer than two blocks.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The block length is below 1.</exception>
    public static PairedComparison OfTokenBlocks(
        IEnumerable<DocumentResult> first, IEnumerable<DocumentResult> second, int blockLength = 128, ComparisonOptions? options = null)
    {
        Check.AtLeast(blockLength, 1, nameof(blockLength));
        var left = new TokenBlocks(blockLength);
        var right = new TokenBlocks(blockLength);
        foreach (var (a, b) in Pairs(first, second))
        {
            if (!a.Tokens.Select(token => token.Id).SequenceEqual(b.Tokens.Select(token => token.Id)) || (a.Tokens.Count == 0 && a.Score.Loss.TokenCount > 0))
            {
                throw new ArgumentException($"The tokens of document '{a.Name}' differ or were not kept; blocks need the same tokens of both models.", nameof(second));
            }

            left.Add(a);
            right.Add(b);
        }

        return Of(left.Scores, right.Scores, (options ?? new()) with { Unit = LossUnit.NatsPerToken });
    }

    /// <summary>Compares the scores of the same units of text.</summary>
    /// <param name="first">The first model's scores.</param>
    /// <param name="second">The second model's scores, unit by unit.</param>
    /// <param name="options">How; the defaults where <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">The units are not as many, fewer than two, or nothing was predicted in them.</exception>
    public static PairedComparison Of(IReadOnlyList<DocumentScore> first, IReadOnlyList<DocumentScore> second, ComparisonOptions? options = null)
    {
        options ??= new();
        if (first.Count != second.Count) throw new ArgumentException($"The first model has {first.Count} units, the second {second.Count}.", nameof(second));
        if (first.Count < 2) throw new ArgumentException($"There is {first.Count} unit of text; to tell chance from difference it takes at least 2.", nameof(first));

        double[] losses1 = [.. first.Select(score => score.Loss.Sum)], losses2 = [.. second.Select(score => score.Loss.Sum)];
        double[] sizes1 = [.. first.Select(score => SizeOf(score, options.Unit))], sizes2 = [.. second.Select(score => SizeOf(score, options.Unit))];
        if (sizes1.Sum() == 0 || sizes2.Sum() == 0) throw new ArgumentException("Nothing was predicted in any unit.", nameof(first));
        double scale = options.Unit == LossUnit.NatsPerToken ? 1 : 1 / Math.Log(2);

        var differences = new List<double>(options.DrawCount);
        var random = new SplitMix64((ulong)options.Seed);
        for (int draw = 0; draw < options.DrawCount; draw++)
        {
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
            Unit = options.Unit,
            Lower = Quantile(differences, outside),
            Upper = Quantile(differences, 1 - outside),
            Confidence = options.Confidence,
            SecondIsBetter = differences.Count(difference => difference < 0) / (double)differences.Count,
            UnitCount = first.Count,
        };
    }

    // The same documents of both models, one at a time.
    private static IEnumerable<(DocumentResult First, DocumentResult Second)> Pairs(IEnumerable<DocumentResult> first, IEnumerable<DocumentResult> second)
    {
        using var left = first.GetEnumerator();
        using var right = second.GetEnumerator();
        for (int count = 0; ; count++)
        {
            bool hasLeft = left.MoveNext(), hasRight = right.MoveNext();
            if (hasLeft != hasRight)
            {
                throw new ArgumentException(
                    $"The {(hasLeft ? "second" : "first")} model has results of {count} documents, the {(hasLeft ? "first" : "second")} of more.", nameof(second));
            }

            if (!hasLeft) yield break;
            var (one, other) = (left.Current, right.Current);
            if (one.Name != other.Name)
            {
                throw new ArgumentException(
                    $"Document {count + 1} is '{one.Name}' of the first model and '{other.Name}' of the second; they must be the same.", nameof(second));
            }

            yield return (one, other);
        }
    }

    private static double SizeOf(DocumentScore score, LossUnit unit) => unit == LossUnit.NatsPerToken ? score.Loss.TokenCount : score.ByteCount;

    // Between the two nearest of the sorted values, as NumPy's default.
    private static double Quantile(List<double> sorted, double share)
    {
        double place = share * (sorted.Count - 1);
        int below = (int)place, above = Math.Min(below + 1, sorted.Count - 1);
        return sorted[below] + ((place - below) * (sorted[above] - sorted[below]));
    }
}
