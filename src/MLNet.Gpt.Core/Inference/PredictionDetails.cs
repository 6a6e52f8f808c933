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

    /// <summary>
    /// The ids of the most probable tokens of each prediction, best first, (N, k); of equal ones the lower id goes
    /// first.
    /// </summary>
    public int[] CandidateIds { get; } = new int[checked(targetCount * candidateCount)];

    /// <summary>Their ln p, (N, k).</summary>
    public float[] CandidateLogProbabilities { get; } = new float[checked(targetCount * candidateCount)];

    /// <summary>Copies the details of one prediction to a place among others.</summary>
    public void CopyTo(PredictionDetails others, int prediction, int place)
    {
        if (Entropies is not null) others.Entropies![place] = Entropies[prediction];
        CandidateIds.AsSpan(prediction * candidateCount, candidateCount).CopyTo(others.CandidateIds.AsSpan(place * candidateCount));
        CandidateLogProbabilities.AsSpan(prediction * candidateCount, candidateCount).CopyTo(others.CandidateLogProbabilities.AsSpan(place * candidateCount));
    }
}
