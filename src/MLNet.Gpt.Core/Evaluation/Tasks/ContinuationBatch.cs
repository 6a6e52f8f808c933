using MLNet.Gpt.Evaluation.Scoring;
using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Evaluation.Tasks;

/// <summary>Scores many continuations in as few calls of the model as their number of tokens asks for.</summary>
internal static class ContinuationBatch
{
    /// <summary>Scores the continuations; each has the same bits as alone.</summary>
    /// <returns>For each continuation the scores of its tokens.</returns>
    public static TokenScore[][] Score(
        GptModel model, IReadOnlyList<EncodedContinuation> continuations, int rowsPerCall, CancellationToken cancellationToken)
    {
        var windows = new WindowBatch();
        foreach (var continuation in continuations) windows.Add(continuation.Ids, continuation.ContextCount - 1);
        var scores = new TokenScore[windows.TargetCount];
        windows.Score(model, rowsPerCall, scores, details: null, cancellationToken);
        var results = new TokenScore[continuations.Count][];
        for (int i = 0, first = 0; i < results.Length; first += results[i++].Length)
        {
            results[i] = scores.AsSpan(first, continuations[i].TargetCount).ToArray();
        }

        return results;
    }
}
