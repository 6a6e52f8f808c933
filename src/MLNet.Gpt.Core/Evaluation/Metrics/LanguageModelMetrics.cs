using System.Diagnostics;
using System.Globalization;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Evaluation.Metrics;
using MLNet.Gpt.Inference;

namespace MLNet.Gpt;

/// <summary>
/// How well a language model predicts a text. Every figure is a ratio of sums over all predicted tokens, so it depends neither on batching
/// nor on the order of documents. Metrics of disjoint sets of documents add up to exactly those of all of them.
/// </summary>
/// <remarks>
/// With a start token before the text, the whole text is predicted, as in lm-evaluation-harness. Without one, nothing predicts the first
/// token: its loss is not in the sum, so its bytes, its characters and the words that end with it are not counted either.
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class LanguageModelMetrics
{
    private LossEstimates? _estimates;

    /// <summary>Initializes metrics from a loss; counts that are not set are 0.</summary>
    /// <param name="loss">The summed loss and the number of predicted tokens.</param>
    /// <param name="vocabularySize">V, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The vocabulary size is below 1.</exception>
    public LanguageModelMetrics(LossSummary loss, int vocabularySize)
    {
        Loss = loss;
        VocabularySize = Check.AtLeast(vocabularySize, 1, nameof(vocabularySize));
    }

    /// <summary>The summed negative log-likelihood and the number of predicted tokens.</summary>
    public LossSummary Loss { get; }

    /// <summary>The number of tokens to choose among, V.</summary>
    public int VocabularySize { get; }

    /// <summary>The number of predicted tokens.</summary>
    public long TokenCount => Loss.TokenCount;

    /// <summary>UTF-8 bytes of the predicted text.</summary>
    public long ByteCount { get; init; }

    /// <summary>
    /// Characters (Unicode scalar values) of the predicted text; one that spans several tokens is predicted with the last of them.
    /// </summary>
    public long CharacterCount { get; init; }

    /// <summary>
    /// Words of which some part was predicted. Words are the parts between runs of white space, including an empty one
    /// at either end of the text, as lm-evaluation-harness defines them: <c>len(re.split(r"\s+", text))</c>, except
    /// that an empty text has no words.
    /// </summary>
    public long WordCount { get; init; }

    /// <summary>The number of tokens that the model considered most probable.</summary>
    public long Top1Count { get; init; }

    /// <summary>The number of tokens among the five that the model considered most probable.</summary>
    public long Top5Count { get; init; }

    /// <summary>The number of documents, including those in which nothing was predicted.</summary>
    public long DocumentCount { get; init; }

    /// <summary>Cross-entropy: Σ −ln p(target) / tokens, in nats per token; lower is better. NaN if no token was predicted.</summary>
    public double CrossEntropy => Loss.CrossEntropy;

    /// <summary>
    /// Perplexity, exp(<see cref="CrossEntropy"/>): 1 is certainty, <see cref="VocabularySize"/> is uniform guessing.
    /// </summary>
    public double Perplexity => Loss.Perplexity;

    /// <summary><see cref="CrossEntropy"/> in bits per token: nats / ln 2.</summary>
    public double BitsPerToken => CrossEntropy / Math.Log(2);

    /// <summary>
    /// Σ −log₂ p(target) / UTF-8 bytes of the predicted text: comparable between tokenizers. NaN if nothing was predicted.
    /// </summary>
    public double BitsPerByte => PerUnit(ByteCount) / Math.Log(2);

    /// <summary>
    /// Σ −log₂ p(target) / characters (Unicode scalar values) of the predicted text: comparable between tokenizers. NaN if nothing was
    /// predicted.
    /// </summary>
    public double BitsPerCharacter => PerUnit(CharacterCount) / Math.Log(2);

    /// <summary>
    /// exp(Σ −ln p(target) / UTF-8 bytes of the predicted text): <c>byte_perplexity</c> of lm-evaluation-harness. NaN if nothing was
    /// predicted.
    /// </summary>
    public double BytePerplexity => Math.Exp(PerUnit(ByteCount));

    /// <summary>
    /// exp(Σ −ln p(target) / words of the predicted text): <c>word_perplexity</c> of lm-evaluation-harness. NaN where
    /// nothing was predicted.
    /// </summary>
    public double WordPerplexity => Math.Exp(PerUnit(WordCount));

    /// <summary>The fraction of tokens that the model considered most probable, from 0 to 1.</summary>
    public double Top1Accuracy => Fraction(Top1Count);

    /// <summary>The fraction of tokens among the five that the model considered most probable, from 0 to 1.</summary>
    public double Top5Accuracy => Fraction(Top5Count);

    /// <summary>The cross-entropy of uniform guessing, ln V: a model above it has learned nothing. Its perplexity is V.</summary>
    public double UniformCrossEntropy => Math.Log(VocabularySize);

    /// <summary>
    /// The figures with standard errors and 95 % intervals. <see langword="null"/> where they are unknown: for texts with fewer than 10
    /// blocks of 128 tokens and fewer than 30 documents, and for sums of metrics, which do not know what they were the sum of; see
    /// <see cref="MergeDocuments"/>. Computed when first used.
    /// </summary>
    public LossEstimates? Estimates => _estimates ??= Estimate(new());

    /// <summary>What is resampled for intervals; <see langword="null"/> if unknown.</summary>
    internal UnitSums? Units { get; init; }

    /// <summary>Adds the metrics of two disjoint sets of documents.</summary>
    /// <exception cref="ArgumentException">The vocabularies differ in size.</exception>
    public static LanguageModelMetrics operator +(LanguageModelMetrics left, LanguageModelMetrics right)
    {
        if (left.VocabularySize != right.VocabularySize)
        {
            throw new ArgumentException(
                $"Losses over {left.VocabularySize} and over {right.VocabularySize} tokens cannot be merged: "
                + "they choose among different vocabularies.",
                nameof(right));
        }

        return new(left.Loss + right.Loss, left.VocabularySize)
        {
            ByteCount = left.ByteCount + right.ByteCount,
            CharacterCount = left.CharacterCount + right.CharacterCount,
            WordCount = left.WordCount + right.WordCount,
            Top1Count = left.Top1Count + right.Top1Count,
            Top5Count = left.Top5Count + right.Top5Count,
            DocumentCount = left.DocumentCount + right.DocumentCount,
        };
    }

    /// <summary>Merges the metrics of disjoint sets of documents, such as shards or folds.</summary>
    /// <exception cref="ArgumentException">There are no metrics, or the vocabularies differ in size.</exception>
    public static LanguageModelMetrics Merge(IEnumerable<LanguageModelMetrics> parts)
    {
        LanguageModelMetrics? total = null;
        foreach (var part in parts) total = total is null ? part : total + part;
        return total ?? throw new ArgumentException("There are no metrics to merge.", nameof(parts));
    }

    /// <summary>Merges the metrics of documents, one each, so that the sum has <see cref="Estimates"/>.</summary>
    /// <exception cref="ArgumentException">There are no metrics, or the vocabularies differ in size.</exception>
    public static LanguageModelMetrics MergeDocuments(IEnumerable<LanguageModelMetrics> documents)
    {
        var units = new UnitSums();
        long count = 0;
        return Merge(documents.Select(Counted)).With(units);

        LanguageModelMetrics Counted(LanguageModelMetrics document)
        {
            units.Add(count++, document);
            return document;
        }
    }

    /// <summary>
    /// Parses what <see cref="ToExactString"/> wrote.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="vocabularySize">V, which the text does not contain.</param>
    /// <exception cref="FormatException">The text does not have that form; the message quotes it.</exception>
    public static LanguageModelMetrics ParseExact(string text, int vocabularySize)
    {
        string[] parts = text.Split(',');
        Span<long> counts = stackalloc long[6];
        bool isValid = parts.Length == 7;
        for (int i = 0; isValid && i < counts.Length; i++)
        {
            isValid = long.TryParse(parts[i + 1], NumberStyles.None, CultureInfo.InvariantCulture, out counts[i]);
        }

        if (!isValid) throw new FormatException($"'{text}' does not have the form 'loss,bytes,characters,words,top1,top5,documents'.");
        return new(LossSummary.ParseExact(parts[0]), vocabularySize)
        {
            ByteCount = counts[0],
            CharacterCount = counts[1],
            WordCount = counts[2],
            Top1Count = counts[3],
            Top5Count = counts[4],
            DocumentCount = counts[5],
        };
    }

    /// <summary>
    /// Returns the sums as text that <see cref="ParseExact"/> reads back to the last bit, for adding up the metrics of
    /// several processes: <see cref="LossSummary.ToExactString"/>, bytes, characters, words, top-1 and top-5 tokens and
    /// documents, separated by commas.
    /// </summary>
    public string ToExactString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Loss.ToExactString()},{ByteCount},{CharacterCount},{WordCount},{Top1Count},{Top5Count},{DocumentCount}");

    /// <summary>Returns the figures with standard errors and intervals; <see langword="null"/> where they are unknown.</summary>
    /// <param name="options">The confidence, the number of resamples and the seed.</param>
    public LossEstimates? Estimate(BootstrapOptions options) => Units?.Estimate(this, options);

    /// <summary>
    /// The main figures, such as <c>3.2109 nats per token, perplexity 24.80, 512 tokens, 1.0512 bits per byte, 3
    /// documents</c>, and the standard error and interval of the first where they are known.
    /// </summary>
    public override string ToString()
    {
        string loss = Estimates is { CrossEntropy: var estimate }
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"{estimate} nats per token, perplexity {Perplexity:N2}, {Quantity.Of(TokenCount, "token", "N0")}")
            : Loss.ToString();
        return string.Create(
            CultureInfo.InvariantCulture, $"{loss}, {BitsPerByte:F4} bits per byte, {Quantity.Of(DocumentCount, "document", "N0")}");
    }

    /// <summary>Sums up the scores of the targets in a document.</summary>
    /// <param name="scores">One score per target.</param>
    /// <param name="predicted">The size of the predicted text.</param>
    /// <param name="vocabularySize">V.</param>
    /// <param name="documentCount">1, or 0 for a later part of a document that was counted.</param>
    internal static LanguageModelMetrics Of(ReadOnlySpan<TokenScore> scores, TextSize predicted, int vocabularySize, int documentCount = 1)
    {
        var loss = LossSummary.Empty;
        long top1 = 0, top5 = 0;
        foreach (var score in scores)
        {
            loss += LossSummary.Of(score.NegativeLogLikelihood);
            if (score.Rank < 1) top1++;
            if (score.Rank < 5) top5++;
        }

        return new(loss, vocabularySize)
        {
            ByteCount = predicted.ByteCount,
            CharacterCount = predicted.CharacterCount,
            WordCount = predicted.WordCount,
            Top1Count = top1,
            Top5Count = top5,
            DocumentCount = documentCount,
        };
    }

    /// <summary>Returns the same metrics with what is resampled for intervals.</summary>
    internal LanguageModelMetrics With(UnitSums? units) => units is null ? this : With(Loss, Top1Count, Top5Count, DocumentCount, units);

    /// <summary>Returns the same sums, counted as a document.</summary>
    internal LanguageModelMetrics AsDocument() => With(Loss, Top1Count, Top5Count, documentCount: 1, units: null);

    /// <summary>Returns the loss of another predictor over the same targets; its arg-max counts are 0.</summary>
    internal LanguageModelMetrics WithLoss(LossSummary loss) => With(loss, top1Count: 0, top5Count: 0, DocumentCount, units: null);

    private LanguageModelMetrics With(LossSummary loss, long top1Count, long top5Count, long documentCount, UnitSums? units) =>
        new(loss, VocabularySize)
        {
            ByteCount = ByteCount,
            CharacterCount = CharacterCount,
            WordCount = WordCount,
            Top1Count = top1Count,
            Top5Count = top5Count,
            DocumentCount = documentCount,
            Units = units,
        };

    /// <summary>Returns the same predictions with the sizes of the text from other metrics of the same targets.</summary>
    internal LanguageModelMetrics WithSizesOf(LanguageModelMetrics other) =>
        other.With(Loss, Top1Count, Top5Count, other.DocumentCount, units: null);

    private double PerUnit(long count) => count == 0 ? double.NaN : Loss.Sum / count;

    private double Fraction(long count) => TokenCount == 0 ? double.NaN : (double)count / TokenCount;
}
