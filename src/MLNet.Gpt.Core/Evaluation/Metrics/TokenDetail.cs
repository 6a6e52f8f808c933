using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>What is wanted of each token beside its log-probability and rank. What is not asked for is not computed.</summary>
public sealed record TokenDetail
{
    /// <summary>Whether the entropy of each prediction is wanted.</summary>
    /// <value><see langword="false"/>.</value>
    public bool Entropy { get; init; }

    /// <summary>
    /// How many of the most probable tokens are wanted of each prediction; from 0 to 1000, and at most the vocabulary's size.
    /// </summary>
    /// <value>0.</value>
    public int CandidateCount { get; init => field = Check.Between(value, 0, 1000, nameof(CandidateCount)); }
}
