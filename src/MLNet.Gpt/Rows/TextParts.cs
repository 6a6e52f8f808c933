namespace MLNet.Gpt.Rows;

/// <summary>What the model has to compute of a text.</summary>
[Flags]
internal enum TextParts
{
    None = 0,

    /// <summary>The score of each target.</summary>
    Loss = 1,

    /// <summary>The candidates for the next token.</summary>
    NextToken = 2,

    /// <summary>The last token's hidden state.</summary>
    Embedding = 4,

    /// <summary>The text's continuation.</summary>
    Continuation = 8,

    /// <summary>What one pass of the model computes; a continuation takes many.</summary>
    OfOnePass = Loss | NextToken | Embedding,
}
