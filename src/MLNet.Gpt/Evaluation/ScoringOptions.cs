using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Evaluation;

/// <summary>How a text is measured.</summary>
public sealed record ScoringOptions
{
    /// <summary>
    /// Whether a document is preceded by the end-of-text token, so that its first token is predicted as well.
    /// Without it a document of N tokens has N − 1 targets, as in the lecture.
    /// </summary>
    /// <value><see langword="false"/>.</value>
    public bool PrependEndOfText { get; init; }

    /// <summary>How special tokens spelled out in the text are read.</summary>
    /// <value><see cref="SpecialTokens.Recognized"/>, as in the lecture.</value>
    public SpecialTokens SpecialTokens { get; init; } = SpecialTokens.Recognized;
}
