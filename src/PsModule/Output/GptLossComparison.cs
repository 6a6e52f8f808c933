using System.Globalization;
using MLNet.Gpt;

namespace MLNetGpt.Output;

/// <summary>The difference between the losses of two models on the same texts.</summary>
public sealed class GptLossComparison
{
    private readonly LanguageModelMetrics _reference, _other;
    private readonly PairedComparison? _comparison;

    internal GptLossComparison(
        string referenceModel, LanguageModelMetrics reference, string model, LanguageModelMetrics other,
        LossUnit unit, PairedComparison? comparison, int? blockLength)
    {
        (ReferenceModel, _reference, Model, _other) = (referenceModel, reference, model, other);
        (Unit, _comparison, BlockLength) = (unit, comparison, blockLength);
    }

    /// <summary>The name of the model, or its result files.</summary>
    public string Model { get; }

    /// <summary>The name of the model that it is compared with, or its result files.</summary>
    public string ReferenceModel { get; }

    /// <summary>The unit of the losses, the difference and the interval.</summary>
    public LossUnit Unit { get; }

    /// <summary>The model's loss over all texts.</summary>
    public double Loss => In(Unit, _other);

    /// <summary>The reference model's loss over all texts.</summary>
    public double ReferenceLoss => In(Unit, _reference);

    /// <summary>Loss − ReferenceLoss: below 0 the model is better than the reference model.</summary>
    public double Difference => Loss - ReferenceLoss;

    /// <summary>The standard error of the difference; <see langword="null"/> where there is no interval.</summary>
    public double? StandardError => _comparison?.Estimate.StandardError;

    /// <summary>The lower bound of the interval; <see langword="null"/> where there is none.</summary>
    public double? Lower => _comparison?.Lower;

    /// <summary>The upper bound of the interval; <see langword="null"/> where there is none.</summary>
    public double? Upper => _comparison?.Upper;

    /// <summary>The confidence of the interval.</summary>
    public double? Confidence => _comparison?.Confidence;

    /// <summary>Whether the interval excludes 0; <see langword="null"/> where there is none.</summary>
    public bool? IsSignificant => _comparison?.IsSignificant;

    /// <summary>
    /// How likely a difference at least as far from 0 is if the models are equally good; <see langword="null"/> where there is no interval.
    /// </summary>
    public double? PValue => _comparison?.PValue;

    /// <summary>The fraction of the resamples in which the model is better than the reference model.</summary>
    public double? BetterFraction => _comparison?.SecondIsBetter;

    /// <summary>The number of texts, or of blocks of tokens, that were resampled; 0 where there is no interval.</summary>
    public int SampleCount => _comparison?.UnitCount ?? 0;

    /// <summary>Tokens per block; <see langword="null"/> where whole texts were resampled.</summary>
    public int? BlockLength { get; }

    /// <summary>The model's cross-entropy, in nats per token.</summary>
    public double CrossEntropy => _other.CrossEntropy;

    /// <summary>The reference model's cross-entropy, in nats per token.</summary>
    public double ReferenceCrossEntropy => _reference.CrossEntropy;

    /// <summary>The model's perplexity.</summary>
    public double Perplexity => _other.Perplexity;

    /// <summary>The reference model's perplexity.</summary>
    public double ReferencePerplexity => _reference.Perplexity;

    /// <summary>The model's loss in bits per UTF-8 byte.</summary>
    public double BitsPerByte => _other.BitsPerByte;

    /// <summary>The reference model's loss in bits per UTF-8 byte.</summary>
    public double ReferenceBitsPerByte => _reference.BitsPerByte;

    /// <summary>Tokens that the model predicted.</summary>
    public long TokenCount => _other.TokenCount;

    /// <summary>Tokens that the reference model predicted.</summary>
    public long ReferenceTokenCount => _reference.TokenCount;

    /// <summary>UTF-8 bytes that the model predicted.</summary>
    public long ByteCount => _other.ByteCount;

    /// <summary>UTF-8 bytes that the reference model predicted.</summary>
    public long ReferenceByteCount => _reference.ByteCount;

    /// <summary>Texts.</summary>
    public long DocumentCount => _other.DocumentCount;

    /// <summary>The difference and its interval, such as <c>-0.3000 [-0.3020, -0.2980] nats per token</c>.</summary>
    public override string ToString()
    {
        string interval = _comparison is null ? "" : string.Create(CultureInfo.InvariantCulture, $" [{Lower:F4}, {Upper:F4}]");
        return string.Create(CultureInfo.InvariantCulture, $"{Difference:F4}{interval} {NameOf(Unit)}");
    }

    private static double In(LossUnit unit, LanguageModelMetrics metrics) =>
        unit == LossUnit.NatsPerToken ? metrics.CrossEntropy : metrics.BitsPerByte;

    private static string NameOf(LossUnit unit) => unit == LossUnit.NatsPerToken ? "nats per token" : "bits per byte";
}
