namespace MLNet.Gpt.Inference;

/// <summary>What is requested for each prediction in addition to its target's score, and room for it.</summary>
/// <param name="targetCount">Number of predictions, N.</param>
/// <param name="hasEntropy">Whether entropies are requested.</param>
/// <param name="candidateCount">The number of candidates per prediction, k; at most the vocabulary's size.</param>
internal sealed class PredictionDetails(int targetCount, bool hasEntropy, int candidateCount)
{
    /// <summary>Candidates of each prediction, k.</summary>
    public int CandidateCount => candidateCount;

    /// <summary>The entropy of each prediction in nats, (N); <see langword="null"/> if not requested.</summary>
    public float[]? Entropies { get; } = hasEntropy ? new float[targetCount] : null;

    /// <summary>
    /// The ids of the most probable tokens of each prediction, best first, (N, k); among equals the lower id comes first.
    /// </summary>
    public int[] CandidateIds { get; } = new int[checked(targetCount * candidateCount)];

    /// <summary>Their ln p, (N, k).</summary>
    public float[] CandidateLogProbabilities { get; } = new float[checked(targetCount * candidateCount)];
}
