using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>How texts become vectors.</summary>
public sealed record EmbeddingOptions
{
    /// <summary>How the hidden states of a text's tokens become one vector.</summary>
    /// <value><see cref="EmbeddingPooling.Mean"/>.</value>
    public EmbeddingPooling Pooling { get; init => field = Check.Defined(value, nameof(Pooling)); } = EmbeddingPooling.Mean;

    /// <summary>
    /// Whether vectors are scaled to a length of 1, so that their dot product is the cosine of the angle between them.
    /// </summary>
    /// <value><see langword="false"/>.</value>
    public bool Normalize { get; init; }

    /// <summary>How special tokens spelled out in the text are read.</summary>
    /// <value><see cref="SpecialTokens.Recognized"/>.</value>
    public SpecialTokens SpecialTokens { get; init => field = Check.Defined(value, nameof(SpecialTokens)); } = SpecialTokens.Recognized;
}
