using MLNet.Gpt.Inference.Kernels;

namespace MLNet.Gpt.Inference;

/// <summary>Collects entropies and best candidates stretch by stretch of the vocabulary, and folds the stretches in their order.</summary>
internal sealed unsafe class DetailParts
{
    private readonly PredictionDetails _details;
    private readonly int _stretches, _width, _kept;
    private readonly float[] _entropySums;
    private readonly float[] _logits;
    private readonly int[] _ids;

    /// <param name="details">What is wanted, and room for it.</param>
    /// <param name="rows">Rows of the pass.</param>
    /// <param name="stretches">Stretches of the vocabulary.</param>
    /// <param name="width">Ids in a stretch; the last may have fewer.</param>
    public DetailParts(PredictionDetails details, int rows, int stretches, int width)
    {
        _details = details;
        _stretches = stretches;
        _width = width;
        _kept = Math.Min(details.CandidateCount, width);
        _entropySums = details.Entropies is null ? [] : new float[rows * stretches];
        _logits = new float[rows * stretches * _kept];
        _ids = new int[rows * stretches * _kept];
        Array.Fill(_logits, float.NegativeInfinity);
    }

    /// <summary>Takes one row's logits of one stretch; different stretches may come from different threads.</summary>
    public void Add(int row, int stretch, float* logits, int count, float maximum)
    {
        int place = (row * _stretches) + stretch;
        if (_entropySums.Length > 0) _entropySums[place] = EntropySum.Of(logits, count, maximum);
        if (_kept == 0 || float.IsNaN(maximum)) return; // what is not a number is reported when the losses are folded

        var ids = _ids.AsSpan(place * _kept, Math.Min(_kept, count));
        VocabularySearch.TopK(new(logits, count), ids);
        for (int i = 0; i < ids.Length; i++)
        {
            _logits[(place * _kept) + i] = logits[ids[i]];
            ids[i] += stretch * _width;
        }
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
        var logits = _logits.AsSpan(row * _stretches * _kept, _stretches * _kept);
        var ids = _ids.AsSpan(row * _stretches * _kept, _stretches * _kept);
        Span<int> best = count <= 64 ? stackalloc int[count] : new int[count];
        VocabularySearch.TopK(logits, best); // of equal logits the first place, which is the lower id
        for (int i = 0; i < count; i++)
        {
            _details.CandidateIds[(row * count) + i] = ids[best[i]];
            _details.CandidateLogProbabilities[(row * count) + i] = (float)Math.Min(0, logits[best[i]] - logSumExp);
        }
    }
}
