namespace MLNet.Gpt.Generation.Sampling;

/// <summary>Log-probabilities of single tokens from the logits of one position.</summary>
internal static class LogProbabilities
{
    /// <summary>A generated token with its log-probability and the most probable candidates, the lower id first of equal ones.</summary>
    public static GeneratedToken Describe(int id, ReadOnlySpan<float> logits, int candidateCount)
    {
        double logSumExp = LogitScan.LogSumExp(logits);
        return new(id) { LogProbability = logits[id] - logSumExp, Candidates = Best(logits, candidateCount, logSumExp) };
    }

    /// <summary>The most probable tokens, best first, the lower id first of equal ones; all where there are fewer.</summary>
    public static TokenCandidate[] Best(ReadOnlySpan<float> logits, int count) => Best(logits, count, LogitScan.LogSumExp(logits));

    private static TokenCandidate[] Best(ReadOnlySpan<float> logits, int count, double logSumExp)
    {
        count = Math.Min(count, logits.Length);
        if (count == 0) return [];
        float least = Selection.KthLargest(logits, count, new float[(int)Math.Min(2L * count, logits.Length)]);
        var best = new List<TokenCandidate>(count);
        for (int id = 0; id < logits.Length; id++)
        {
            if (logits[id] >= least) best.Add(new(id, logits[id] - logSumExp));
        }

        return [.. best.OrderByDescending(candidate => candidate.LogProbability).ThenBy(candidate => candidate.Id).Take(count)];
    }
}
