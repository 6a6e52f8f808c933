using MLNet.Gpt;

namespace MLNetGpt.Output;

/// <summary>The class of a text, as a classifier predicts it.</summary>
public sealed class GptClass
{
    internal GptClass(string? text, string? source, int index, GptClassifier classifier, TextPrediction prediction)
    {
        (Text, Source, Index) = (text, source, index);
        (Label, Probability) = (prediction.Label, classifier.IsRegression ? null : prediction.Score);
        (TokenCount, IsTruncated) = (prediction.TokenCount, prediction.IsTruncated);
        for (int i = 0; i < classifier.Labels.Count; i++) Scores[classifier.Labels[i]] = prediction.Scores[i];
        Score = prediction.Score;
    }

    /// <summary>The text; <see langword="null"/> for a file.</summary>
    public string? Text { get; }

    /// <summary>The file, or <see langword="null"/>.</summary>
    public string? Source { get; }

    /// <summary>The index among the texts of the call, from 0.</summary>
    public int Index { get; }

    /// <summary>The most probable class; <see langword="null"/> if the model predicts a number.</summary>
    public string? Label { get; }

    /// <summary>The probability of the class; <see langword="null"/> if the model predicts a number.</summary>
    public float? Probability { get; }

    /// <summary>The probability of the class, or the predicted number.</summary>
    public float Score { get; }

    /// <summary>The probability of each class by its name, in the order of the classifier's labels.</summary>
    public System.Collections.Specialized.OrderedDictionary Scores { get; } = [];

    /// <summary>Tokens that were read.</summary>
    public int TokenCount { get; }

    /// <summary>Whether the text had more tokens than the model reads.</summary>
    public bool IsTruncated { get; }

    /// <summary>The label and its probability, or the number.</summary>
    public override string ToString() => Label is null
        ? FormattableString.Invariant($"{Score}")
        : FormattableString.Invariant($"{Label} ({Probability:P1})");
}
