namespace MLNet.Gpt;

/// <summary>How the hidden states of a text's tokens become one vector.</summary>
public enum EmbeddingPooling
{
    /// <summary>The mean over all tokens.</summary>
    Mean,

    /// <summary>The last token's, which has seen all tokens before it in its window.</summary>
    Last,
}
