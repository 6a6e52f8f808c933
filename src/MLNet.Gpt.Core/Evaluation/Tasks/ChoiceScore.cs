using System.Diagnostics;
using System.Globalization;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Evaluation.Metrics;

namespace MLNet.Gpt;

/// <summary>How likely a model finds one choice of a question.</summary>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class ChoiceScore
{
    internal ChoiceScore(LossSummary loss, bool isGreedy, long characterCount, long byteCount) =>
        (Loss, IsGreedy, CharacterCount, ByteCount) = (loss, isGreedy, characterCount, byteCount);

    /// <summary>Returns the score of a choice with its text, without the space before it.</summary>
    internal static ChoiceScore Of(LossSummary loss, bool isGreedy, string text)
    {
        var size = TextSize.Of(text);
        return new(loss, isGreedy, size.CharacterCount, size.ByteCount);
    }

    /// <inheritdoc cref="Of(LossSummary, bool, string)"/>
    internal static ChoiceScore Of(ContinuationScore score, string text) => Of(score.Loss, score.IsGreedy, text);

    /// <summary>The summed negative log-likelihood of the choice's tokens, which adds up exactly, and their number.</summary>
    public LossSummary Loss { get; }

    /// <summary>ln p(choice | context), in nats.</summary>
    public double LogLikelihood => -Loss.Sum;

    /// <summary>The number of tokens that were scored.</summary>
    public long TokenCount => Loss.TokenCount;

    /// <summary>Whether each token is the one that the model considers most probable.</summary>
    public bool IsGreedy { get; }

    /// <summary>Characters (Unicode scalar values) of the choice, without the space before it.</summary>
    public long CharacterCount { get; }

    /// <summary>UTF-8 bytes of the choice, without the space before it.</summary>
    public long ByteCount { get; }

    /// <summary>Returns the log-likelihood divided by the length of the choice.</summary>
    public double Normalized(TaskNormalization normalization) => normalization switch
    {
        TaskNormalization.None => LogLikelihood,
        TaskNormalization.Characters => LogLikelihood / CharacterCount,
        TaskNormalization.Bytes => LogLikelihood / ByteCount,
        TaskNormalization.Tokens => LogLikelihood / TokenCount,
        _ => throw Check.Undefined(normalization, nameof(normalization)),
    };

    /// <summary>The log-likelihood and the number of tokens.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{LogLikelihood:F4} nats, {Quantity.Of(TokenCount, "token")}{(IsGreedy ? ", greedy" : "")}");
}
