using MLNet.Gpt.Numerics.Kernels;

namespace MLNet.Gpt.Inference;

/// <summary>
/// Collects the entropy and the best candidates of each row of a pass, one chunk of the vocabulary at a time. It keeps
/// no more candidates per row than requested, whatever the size of the vocabulary.
/// </summary>
/// <param name="details">What is requested, and room for it.</param>
/// <param name="firstPlace">The index in <paramref name="details"/> of the first row.</param>
internal sealed unsafe class DetailParts(PredictionDetails details, int firstPlace)
{
    private int _chunks, _width;
    private float[] _entropySums = [];
    private BestLogits[] _candidates = [];

    /// <summary>Makes room for the rows and chunks of a pass.</summary>
    /// <param name="rows">Rows of the pass.</param>
    /// <param name="chunks">Chunks of the vocabulary.</param>
    /// <param name="width">Ids in a chunk; the last may have fewer.</param>
    public void Prepare(int rows, int chunks, int width)
    {
        _chunks = chunks;
        _width = width;
        _entropySums = details.Entropies is null ? [] : new float[checked(rows * chunks)];
        _candidates = new BestLogits[details.CandidateCount == 0 ? 0 : rows];
        for (int row = 0; row < _candidates.Length; row++) _candidates[row] = new(details.CandidateCount);
    }

    /// <summary>Adds one row's logits of one chunk. Chunks may be added by different threads and in any order.</summary>
    public void Add(int row, int chunk, float* logits, int count, float maximum)
    {
        if (_entropySums.Length > 0) _entropySums[(row * _chunks) + chunk] = EntropySum.Of(logits, count, maximum);
        if (_candidates.Length == 0 || float.IsNaN(maximum)) return; // NaN is reported when the losses are combined

        var candidates = _candidates[row];
        lock (candidates) candidates.Add(logits, count, chunk * _width);
    }

    /// <summary>Combines a row's chunks and stores the result.</summary>
    public void Combine(int row, ReadOnlySpan<LogSumExp> chunks, double logSumExp)
    {
        int place = firstPlace + row, count = details.CandidateCount;
        if (details.Entropies is { } entropies)
        {
            entropies[place] = (float)EntropySum.Combine(chunks, _entropySums.AsSpan(row * _chunks, _chunks));
        }

        if (count == 0) return;
        var ids = details.CandidateIds.AsSpan(place * count, count);
        _candidates[row].MoveTo(logSumExp, ids, details.CandidateLogProbabilities.AsSpan(place * count, count));
    }
}
