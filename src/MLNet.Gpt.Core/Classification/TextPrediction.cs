using System.Globalization;

namespace MLNet.Gpt;

/// <summary>What a <see cref="GptClassifier"/> predicts for a text.</summary>
public sealed class TextPrediction
{
    internal TextPrediction(string? label, int index, float[] scores, float[] logits, int tokenCount, bool isTruncated) =>
        (Label, Index, Scores, Logits, TokenCount, IsTruncated) = (label, index, scores, logits, tokenCount, isTruncated);

    /// <summary>The most probable class; <see langword="null"/> for regression.</summary>
    public string? Label { get; }

    /// <summary>
    /// The index of the most probable class in <see cref="GptClassifier.Labels"/>, the first of equal ones; 0 for regression.
    /// </summary>
    public int Index { get; }

    /// <summary>The probability of each class (K), which add up to 1; for regression, the predicted number.</summary>
    public IReadOnlyList<float> Scores { get; }

    /// <summary>The head's outputs (K), whose softmax the scores are; for regression, the predicted number.</summary>
    public IReadOnlyList<float> Logits { get; }

    /// <summary>The probability of <see cref="Label"/>; for regression, the predicted number.</summary>
    public float Score => Scores[Index];

    /// <summary>The number of tokens that the model has read.</summary>
    public int TokenCount { get; }

    /// <summary>Whether the text had more tokens than the model reads.</summary>
    public bool IsTruncated { get; }

    /// <summary>The label and its probability, or the number.</summary>
    public override string ToString() => Label is null
        ? Score.ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{Label} ({Score:P1})");
}
