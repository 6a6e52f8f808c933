using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>What is kept of a corpus's evaluation, and how it is run.</summary>
public sealed record CorpusOptions
{
    /// <summary>What is wanted of each token.</summary>
    /// <value><see langword="null"/>: tokens are added up and not kept.</value>
    public TokenDetail? Tokens { get; init; }

    /// <summary>
    /// Tokens that the model is given in one call: windows are packed up to it, at least one. At least 1. Changes the speed and no figure.
    /// </summary>
    /// <value>1024.</value>
    public int BatchTokenCount { get; init => field = Check.AtLeast(value, 1, nameof(BatchTokenCount)); } = 1024;

    /// <summary>What result files hold, as text.</summary>
    internal string Describe() => Tokens is { } tokens ? $"tokens;entropy={tokens.Entropy};candidates={tokens.CandidateCount}" : "sums";
}
