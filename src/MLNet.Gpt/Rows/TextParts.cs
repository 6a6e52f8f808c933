namespace MLNet.Gpt.Rows;

/// <summary>What the model can compute for a text.</summary>
[Flags]
internal enum TextParts
{
    /// <summary>Nothing; only what follows from the text's tokens.</summary>
    None = 0,

    /// <summary>The score of each target.</summary>
    Loss = 1,

    /// <summary>The candidates for the next token.</summary>
    NextToken = 2,

    /// <summary>The last token's hidden state.</summary>
    Embedding = 4,

    /// <summary>The text's continuation.</summary>
    Continuation = 8,

    /// <summary>The parts that one pass of the model can compute; a continuation takes many passes.</summary>
    OfOnePass = Loss | NextToken | Embedding,
}
