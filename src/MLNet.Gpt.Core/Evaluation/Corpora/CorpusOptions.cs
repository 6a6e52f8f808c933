using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>What the evaluation of a corpus keeps, and how it runs.</summary>
public sealed record CorpusOptions
{
    /// <summary>What to keep for each token.</summary>
    /// <value><see langword="null"/>: tokens are added up and not kept.</value>
    public TokenOptions? Tokens { get; init; }

    /// <summary>
    /// The number of tokens given to the model in one call: as many windows as fit, at least one. At least 1. Affects
    /// the speed, but no figures.
    /// </summary>
    /// <value>1,024.</value>
    public int BatchTokenCount { get; init => field = Check.AtLeast(value, 1, nameof(BatchTokenCount)); } = 1024;

    /// <summary>Returns what result files contain, as text.</summary>
    internal string Describe() => Tokens is { } tokens ? $"tokens;entropy={tokens.Entropy};candidates={tokens.CandidateCount}" : "sums";
}
