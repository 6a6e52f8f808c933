namespace MLNet.Gpt;

/// <summary>Why a generation ended.</summary>
public enum FinishReason
{
    /// <summary><see cref="GenerationOptions.MaxTokens"/> tokens were generated.</summary>
    Length,

    /// <summary>One of <see cref="GenerationOptions.StopSequences"/> appeared.</summary>
    StopSequence,

    /// <summary>The model ended the document.</summary>
    EndOfText,

    /// <summary>The context was full, and <see cref="GenerationOptions.Overflow"/> is <see cref="ContextOverflow.Stop"/>.</summary>
    ContextFull,
}
