namespace MLNet.Gpt.Inference;

/// <summary>What is wanted of each prediction beside its target's score, and room for it.</summary>
/// <param name="targetCount">Number of predictions.</param>
/// <param name="hasEntropy">Whether the entropies are wanted.</param>
/// <param name="candidateCount">How many candidates are wanted of each; at most the vocabulary's size.</param>
internal sealed class PredictionDetails(int targetCount, bool hasEntropy, int candidateCount)
{
    /// <summary>Candidates of each prediction, k.</summary>
    public int CandidateCount => candidateCount;

    /// <summary>The entropy of each prediction in nats, (N); <see langword="null"/> where not wanted.</summary>
    public float[]? Entropies { get; } = hasEntropy ? new float[targetCount] : null;

    /// <summary>The ids of the most probable tokens of each prediction, best first, (N, k); of equal ones the lower id goes first.</summary>
    public int[] CandidateIds { get; } = new int[targetCount * candidateCount];

    /// <summary>Their ln p, (N, k).</summary>
    public float[] CandidateLogProbabilities { get; } = new float[targetCount * candidateCount];

    /// <summary>Takes over the details of some predictions, which begin at a place.</summary>
    public void CopyFrom(PredictionDetails part, int first)
    {
        part.Entropies?.CopyTo(Entropies!, first);
        part.CandidateIds.CopyTo(CandidateIds, first * candidateCount);
        part.CandidateLogProbabilities.CopyTo(CandidateLogProbabilities, first * candidateCount);
    }
}
