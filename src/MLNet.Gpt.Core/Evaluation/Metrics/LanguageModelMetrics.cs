
namespace MLNet.Gpt;

/// <summary>
/// How well a language model predicts a text. Every figure is a ratio of sums over all predicted tokens, so it depends
/// neither on batching nor on the order of documents; metrics of disjoint shards merge into exactly those of the whole.
/// </summary>
public sealed class LanguageModelMetrics
{
    /// <summary>Metrics of scored documents.</summary>
    /// <param name="score">The sums.</param>
    /// <param name="vocabularySize">V, for the baseline.</param>
    public LanguageModelMetrics(DocumentScore score, int vocabularySize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(vocabularySize, 1);
        Score = score;
        VocabularySize = vocabularySize;
    }

    /// <summary>The sums that the metrics are made of.</summary>
    public DocumentScore Score { get; }

    /// <summary>Cross-entropy: Σ −ln p(target) / tokens, in nats per token; lower is better. NaN where no token was predicted.</summary>
    public double CrossEntropy => Loss.CrossEntropy;

    /// <summary>
    /// Perplexity, exp(<see cref="CrossEntropy"/>): from 1 (certain) over <see cref="VocabularySize"/> (uniform
    /// guessing) upwards.
    /// </summary>
    public double Perplexity => Loss.Perplexity;

    /// <summary><see cref="CrossEntropy"/> in bits per token: nats / ln 2.</summary>
    public double BitsPerToken => CrossEntropy / Math.Log(2);

    /// <summary>
    /// Σ −log₂ p(target) / UTF-8 bytes of the predicted text: comparable between tokenizers. NaN where nothing was
    /// predicted.
    /// </summary>
    public double BitsPerByte => PerUnit(Score.ByteCount) / Math.Log(2);

    /// <summary>
    /// Σ −log₂ p(target) / characters (Unicode scalar values) of the predicted text: comparable between tokenizers. NaN
    /// where nothing was predicted.
    /// </summary>
    public double BitsPerCharacter => PerUnit(Score.CharacterCount) / Math.Log(2);

    /// <summary>
    /// exp(Σ −ln p(target) / UTF-8 bytes of the predicted text): <c>byte_perplexity</c> of lm-evaluation-harness. NaN
    /// where nothing was predicted.
    /// </summary>
    public double BytePerplexity => Math.Exp(PerUnit(Score.ByteCount));

    /// <summary>
    /// exp(Σ −ln p(target) / words of the predicted text): <c>word_perplexity</c> of lm-evaluation-harness, words being counted as there
    /// (<see cref="TextSize.CountWords"/>). NaN where nothing was predicted.
    /// </summary>
    public double WordPerplexity => Math.Exp(PerUnit(Score.WordCount));

    /// <summary>Share of tokens that the model held most probable, 0 … 1.</summary>
    public double Top1Accuracy => Share(Score.Top1Count);

    /// <summary>Share of tokens among the model's five most probable, 0 … 1.</summary>
    public double Top5Accuracy => Share(Score.Top5Count);

    /// <summary>Number of predicted tokens.</summary>
    public long TokenCount => Loss.TokenCount;

    /// <summary>UTF-8 bytes of the predicted text.</summary>
    public long ByteCount => Score.ByteCount;

    /// <summary>Unicode scalar values of the predicted text.</summary>
    public long CharacterCount => Score.CharacterCount;

    /// <summary>Words of the predicted text.</summary>
    public long WordCount => Score.WordCount;

    /// <summary>Number of documents, those with nothing to predict among them.</summary>
    public long DocumentCount => Score.DocumentCount;

    /// <summary>Number of tokens to choose among, V.</summary>
    public int VocabularySize { get; }

    /// <summary>The cross-entropy of guessing uniformly, ln V: a model above it has learned nothing. Its perplexity is V.</summary>
    public double UniformCrossEntropy => Math.Log(VocabularySize);

    private LossSummary Loss => Score.Loss;

    /// <summary>The metrics of disjoint shards as one.</summary>
    /// <exception cref="ArgumentException">There is no shard, or shards have different vocabularies.</exception>
    public static LanguageModelMetrics Merge(IEnumerable<LanguageModelMetrics> shards)
    {
        LanguageModelMetrics? total = null;
        foreach (var shard in shards)
        {
            if (total is not null && total.VocabularySize != shard.VocabularySize)
            {
                throw new ArgumentException(
                    $"Losses over {total.VocabularySize} and over {shard.VocabularySize} tokens cannot be merged: they choose among different vocabularies.",
                    nameof(shards));
            }

            total = total is null ? shard : new(total.Score + shard.Score, shard.VocabularySize);
        }

        return total ?? throw new ArgumentException("There is no shard to merge.", nameof(shards));
    }

    private double PerUnit(long count) => count == 0 ? double.NaN : Loss.Sum / count;

    private double Share(long count) => TokenCount == 0 ? double.NaN : (double)count / TokenCount;
}
