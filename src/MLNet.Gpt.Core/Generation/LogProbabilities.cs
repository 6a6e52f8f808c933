using MLNet.Gpt.Numerics.Softmax;

namespace MLNet.Gpt.Generation;

/// <summary>Computes log-probabilities of tokens from the logits of one position.</summary>
internal static class LogProbabilities
{
    /// <summary>Returns ln p and the rank of a token, ln p of the most probable token, and the most probable candidates.</summary>
    /// <param name="id">The token.</param>
    /// <param name="logits">The logits from which it was chosen, (V).</param>
    /// <param name="candidateCount">How many candidates to return.</param>
    /// <param name="tokenizer">Gives the candidates their texts.</param>
    public static (double LogProbability, int Rank, double TopLogProbability, TokenCandidate[] Candidates) Of(
        int id, ReadOnlySpan<float> logits, int candidateCount, ITextTokenizer tokenizer)
    {
        float greatest = LogitScan.Max(logits);
        double logSumExp = SoftmaxRow.Of(logits, greatest).LogSumExp;
        int rank = 0;
        foreach (float logit in logits)
        {
            if (logit > logits[id]) rank++;
        }

        return (logits[id] - logSumExp, rank, greatest - logSumExp, Best(logits, candidateCount, logSumExp, tokenizer));
    }

    /// <summary>
    /// Returns the most probable tokens, the best first and equally probable ones by id; all of them if there are
    /// fewer.
    /// </summary>
    public static TokenCandidate[] Best(ReadOnlySpan<float> logits, int count, ITextTokenizer tokenizer) =>
        Best(logits, count, SoftmaxRow.Of(logits, LogitScan.Max(logits)).LogSumExp, tokenizer);

    private static TokenCandidate[] Best(ReadOnlySpan<float> logits, int count, double logSumExp, ITextTokenizer tokenizer)
    {
        count = Math.Min(count, logits.Length);
        if (count == 0) return [];
        float least = Selection.KthLargest(logits, count, new float[(int)Math.Min(2L * count, logits.Length)]);
        var best = new List<(int Id, double LogProbability)>(count);
        for (int id = 0; id < logits.Length; id++)
        {
            if (logits[id] >= least) best.Add((id, logits[id] - logSumExp));
        }

        return
        [
            .. best.OrderByDescending(each => each.LogProbability).ThenBy(each => each.Id).Take(count)
                .Select(each => new TokenCandidate(each.Id, TokenPiece.Of(tokenizer, each.Id).Text, each.LogProbability)),
        ];
    }
}
