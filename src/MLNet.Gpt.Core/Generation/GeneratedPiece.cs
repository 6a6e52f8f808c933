namespace MLNet.Gpt;

/// <summary>A piece of a text that is being generated. The pieces' texts, one after the other, are the whole text.</summary>
public sealed record GeneratedPiece
{
    /// <summary>
    /// Text that is certain to stay: whole characters only, and no part of a stop sequence. Can be empty in the last
    /// piece.
    /// </summary>
    public required string Text { get; init; }

    /// <summary>The tokens generated since the piece before. Their text can lie partly in later pieces.</summary>
    public required IReadOnlyList<GeneratedToken> Tokens { get; init; }

    /// <summary>Why the generation ended; <see langword="null"/> except in the last piece.</summary>
    public FinishReason? FinishReason { get; init; }

    /// <summary>Returns <see cref="Text"/>.</summary>
    public override string ToString() => Text;
}
