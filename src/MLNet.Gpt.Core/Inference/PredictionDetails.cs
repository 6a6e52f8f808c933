namespace MLNet.Gpt.Inference;

/// <summary>What is wanted of each prediction in addition to its target's score, and room for it.</summary>
/// <param name="targetCount">Number of predictions, N.</param>
/// <param name="hasEntropy">Whether the entropies are wanted.</param>
/// <param name="candidateCount">How many candidates are wanted of each, k; at most the vocabulary's size.</param>
internal sealed class PredictionDetails(int targetCount, bool hasEntropy, int candidateCount)
{
    /// <summary>Candidates of each prediction, k.</summary>
    public int CandidateCount => candidateCount;

    /// <summary>The entropy of each prediction in nats, (N); <see langword="null"/> if not wanted.</summary>
    public float[]? Entropies { get; } = hasEntropy ? new float[targetCount] : null;

    /// <summary>
    /// The ids of the most probable tokens of each prediction, best first, (N, k); among equals the lower id comes first.
    /// </summary>
    public int[] CandidateIds { get; } = new int[checked(targetCount * candidateCount)];

    /// <summary>Their ln p, (N, k).</summary>
    public float[] CandidateLogProbabilities { get; } = new float[checked(targetCount * candidateCount)];
}
