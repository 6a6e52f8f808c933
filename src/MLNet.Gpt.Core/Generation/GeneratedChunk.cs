namespace MLNet.Gpt;

/// <summary>A part of a text that is being generated. The texts of all chunks together are the whole text.</summary>
public sealed class GeneratedChunk
{
    internal GeneratedChunk(string text, IReadOnlyList<int> tokenIds, IReadOnlyList<ScoredToken> tokens, FinishReason? finishReason)
    {
        Text = text;
        TokenIds = tokenIds;
        Tokens = tokens;
        FinishReason = finishReason;
    }

    /// <summary>Text that is final: whole characters only, and no part of a stop sequence. Can be empty in the last chunk.</summary>
    public string Text { get; }

    /// <summary>The tokens generated since the previous chunk. Part of their text can be in later chunks.</summary>
    public IReadOnlyList<int> TokenIds { get; }

    /// <summary>
    /// The same tokens with the model's probabilities; empty unless
    /// <see cref="GenerationOptions.ReturnLogProbabilities"/> or <see cref="GenerationOptions.CandidateCount"/>
    /// requests them.
    /// </summary>
    public IReadOnlyList<ScoredToken> Tokens { get; }

    /// <summary>Why the generation ended; <see langword="null"/> except in the last chunk.</summary>
    public FinishReason? FinishReason { get; }

    /// <summary>Returns <see cref="Text"/>.</summary>
    public override string ToString() => Text;
}
