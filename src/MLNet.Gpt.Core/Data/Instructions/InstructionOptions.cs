using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>How instructions and responses become sequences of tokens. Immutable.</summary>
public sealed record InstructionOptions
{
    /// <summary>How an instruction and its response are written.</summary>
    /// <value><see langword="null"/>: as the model's files say, or else <see cref="PromptTemplate.Alpaca"/>.</value>
    public PromptTemplate? Template { get; init; }

    /// <summary>What happens to examples that are longer than the context.</summary>
    /// <value><see cref="OverlongExamples.Truncate"/>.</value>
    public OverlongExamples Overlong { get; init => field = Check.Defined(value, nameof(Overlong)); }
}
