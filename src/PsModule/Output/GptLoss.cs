using MLNet.Gpt;

namespace MLNetGpt.Output;

/// <summary>The loss of one text, or of many together.</summary>
public sealed class GptLoss
{
    private readonly Lazy<LossEstimates?> _estimates;

    internal GptLoss(LanguageModelMetrics metrics, string? source, BootstrapOptions? options = null)
    {
        (Metrics, Source) = (metrics, source);
        _estimates = new(() => options is null ? metrics.Estimates : metrics.Estimate(options));
    }

    /// <summary>
    /// The file that was measured, or the name of a baseline; <see langword="null"/> for a text from the pipeline and
    /// for a sum.
    /// </summary>
    public string? Source { get; }

    /// <summary>The text that was measured; <see langword="null"/> for a file and for a sum.</summary>
    public string? Text { get; init; }

    /// <summary>What preceded the text, where only the text was scored; otherwise <see langword="null"/>.</summary>
    public string? Context { get; init; }

    /// <summary>
    /// Whether greedy generation would continue the context with this text; <see langword="null"/> without a context.
    /// </summary>
    public bool? IsGreedy { get; init; }

    /// <summary>
    /// Index of the text among those of one call, from 0; <see langword="null"/> for a sum.
    /// </summary>
    public int? Index { get; init; }

    /// <summary>
    /// Characters of the text, as strings are counted; <see langword="null"/> for a sum. Not called Length, which is a
    /// property of every array.
    /// </summary>
    public int? TextLength { get; init; }

    /// <summary>Mean negative log-likelihood, in nats per token; NaN where nothing was predicted.</summary>
    public double CrossEntropy => Metrics.CrossEntropy;

    /// <summary>
    /// The standard error of the cross-entropy; <see langword="null"/> for a text that is too short, and for a sum of sums.
    /// </summary>
    public double? StandardError => Estimates?.CrossEntropy.StandardError;

    /// <summary>The lower bound of the cross-entropy's interval; <see langword="null"/> where there is none.</summary>
    public double? Lower => Estimates?.CrossEntropy.Lower;

    /// <summary>The upper bound of the cross-entropy's interval; <see langword="null"/> where there is none.</summary>
    public double? Upper => Estimates?.CrossEntropy.Upper;

    /// <summary>The confidence of the intervals; <see langword="null"/> where there are none.</summary>
    public double? Confidence => Estimates?.Options.Confidence;

    /// <summary>The number of texts, or of blocks of tokens, that were resampled; 0 where there is no interval.</summary>
    public long SampleCount => Estimates?.UnitCount ?? 0;

    /// <summary>Tokens per block; <see langword="null"/> where whole texts were resampled.</summary>
    public int? BlockLength => Estimates?.BlockLength;

    /// <summary>
    /// The cross-entropy, perplexity, bits per byte and so on, each with its StandardError, Lower and Upper; <see langword="null"/> where
    /// there are no intervals.
    /// </summary>
    public LossEstimates? Estimates => _estimates.Value;

    /// <summary>exp of the cross-entropy.</summary>
    public double Perplexity => Metrics.Perplexity;

    /// <summary>The cross-entropy in bits per token.</summary>
    public double BitsPerToken => Metrics.BitsPerToken;

    /// <summary>Bits per UTF-8 byte of the text that was predicted: comparable between tokenizers.</summary>
    public double BitsPerByte => Metrics.BitsPerByte;

    /// <summary>Bits per character (Unicode scalar value) of the text that was predicted.</summary>
    public double BitsPerCharacter => Metrics.BitsPerCharacter;

    /// <summary>exp of the loss per UTF-8 byte, as lm-evaluation-harness defines it.</summary>
    public double BytePerplexity => Metrics.BytePerplexity;

    /// <summary>exp of the loss per word, as lm-evaluation-harness defines it.</summary>
    public double WordPerplexity => Metrics.WordPerplexity;

    /// <summary>Tokens that were predicted.</summary>
    public long TokenCount => Metrics.TokenCount;

    /// <summary>UTF-8 bytes that were predicted.</summary>
    public long ByteCount => Metrics.ByteCount;

    /// <summary>Characters (Unicode scalar values) that were predicted.</summary>
    public long CharacterCount => Metrics.CharacterCount;

    /// <summary>Words that were predicted.</summary>
    public long WordCount => Metrics.WordCount;

    /// <summary>Share of tokens that the model held most probable.</summary>
    public double Top1Accuracy => Metrics.Top1Accuracy;

    /// <summary>Share of tokens among the model's five most probable.</summary>
    public double Top5Accuracy => Metrics.Top5Accuracy;

    /// <summary>Texts.</summary>
    public long DocumentCount => Metrics.DocumentCount;

    /// <summary>Number of ids to choose among, V.</summary>
    public int VocabularySize => Metrics.VocabularySize;

    /// <summary>ln V: the cross-entropy of guessing blindly.</summary>
    public double UniformCrossEntropy => Metrics.UniformCrossEntropy;

    /// <summary>Σ −ln p over the tokens, in nats.</summary>
    public double NegativeLogLikelihood => Metrics.Loss.Sum;

    /// <summary>Tokens that the model held most probable.</summary>
    public long Top1Count => Metrics.Top1Count;

    /// <summary>Tokens among the model's five most probable.</summary>
    public long Top5Count => Metrics.Top5Count;

    /// <summary>
    /// The sum with every bit, as text: passes through jobs, remoting and files unrounded, so that
    /// <c>Measure-GptLoss</c> adds up exactly.
    /// </summary>
    public string ExactSum => Metrics.Loss.ToExactString();

    /// <summary>
    /// How far the model's confidence is from its hits, from 0 (not at all) to 1: the expected calibration error over
    /// 15 bins. Nothing where tokens were not looked at.
    /// </summary>
    public double? CalibrationError { get; init; }

    /// <summary>The file that the results were written to; nothing where none was.</summary>
    public string? ResultFile { get; init; }

    internal LanguageModelMetrics Metrics { get; }

    /// <summary>
    /// The loss in words, such as <c>3.2109 nats per token, perplexity 24.80, 512 tokens</c>, with its standard error and interval where
    /// they are known.
    /// </summary>
    public override string ToString() => Estimates is { CrossEntropy: var estimate }
        ? FormattableString.Invariant($"{estimate} nats per token, perplexity {Perplexity:N2}, {TokenCount:N0} tokens")
        : Metrics.Loss.ToString();
}
