using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>What is computed for each token in addition to its log-probability and rank.</summary>
public sealed record TokenOptions
{
    /// <summary>Whether to compute the entropy of each prediction.</summary>
    /// <value><see langword="false"/>.</value>
    public bool Entropy { get; init; }

    /// <summary>
    /// How many of the most probable tokens to return for each prediction; from 0 to 1,000 and at most the size of the vocabulary.
    /// </summary>
    /// <value>0.</value>
    public int CandidateCount { get; init => field = Check.Between(value, 0, 1000, nameof(CandidateCount)); }

    /// <summary>Returns these options if they fit a model.</summary>
    /// <exception cref="ArgumentException">More candidates were requested than there are tokens in the vocabulary.</exception>
    internal TokenOptions ValidatedFor(GptConfig config) => CandidateCount <= config.VocabularySize
        ? this
        : throw new ArgumentException(
            $"{nameof(CandidateCount)} is {CandidateCount}; the model's vocabulary has {config.VocabularySize} tokens.");
}
