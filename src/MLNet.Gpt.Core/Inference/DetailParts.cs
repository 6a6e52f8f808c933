using MLNet.Gpt.Numerics.Kernels;

namespace MLNet.Gpt.Inference;

/// <summary>
/// Collects entropies and best candidates stretch by stretch of the vocabulary: no more candidates per row than are
/// wanted.
/// </summary>
internal sealed unsafe class DetailParts
{
    private readonly PredictionDetails _details;
    private readonly int _stretches, _width;
    private readonly float[] _entropySums;
    private readonly BestLogits[] _candidates;

    /// <param name="details">What is wanted, and room for it.</param>
    /// <param name="rows">Rows of the pass.</param>
    /// <param name="stretches">Stretches of the vocabulary.</param>
    /// <param name="width">Ids in a stretch; the last may have fewer.</param>
    public DetailParts(PredictionDetails details, int rows, int stretches, int width)
    {
        _details = details;
        _stretches = stretches;
        _width = width;
        _entropySums = details.Entropies is null ? [] : new float[checked(rows * stretches)];
        _candidates = new BestLogits[details.CandidateCount == 0 ? 0 : rows];
        for (int row = 0; row < _candidates.Length; row++) _candidates[row] = new(details.CandidateCount);
    }

    /// <summary>Takes one row's logits of one stretch; different stretches may come from different threads.</summary>
    public void Add(int row, int stretch, float* logits, int count, float maximum)
    {
        if (_entropySums.Length > 0) _entropySums[(row * _stretches) + stretch] = EntropySum.Of(logits, count, maximum);
        if (_candidates.Length == 0 || float.IsNaN(maximum)) return; // what is not a number is reported when the losses are folded

        var candidates = _candidates[row];
        lock (candidates) candidates.Add(logits, count, stretch * _width);
    }

    /// <summary>Folds a row's stretches into the details.</summary>
    public void Combine(int row, ReadOnlySpan<LogSumExp> stretches, double logSumExp)
    {
        if (_details.Entropies is { } entropies)
        {
            entropies[row] = (float)EntropySum.Combine(stretches, _entropySums.AsSpan(row * _stretches, _stretches));
        }

        int count = _details.CandidateCount;
        if (count == 0) return;
        var ids = _details.CandidateIds.AsSpan(row * count, count);
        _candidates[row].MoveTo(logSumExp, ids, _details.CandidateLogProbabilities.AsSpan(row * count, count));
    }
}
