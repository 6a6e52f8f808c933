using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Softmax;

namespace MLNet.Gpt.Generation;

/// <summary>
/// Chooses the next token from logits: penalties, temperature, top-k, top-p, min-p, and then a draw, in the order of
/// Hugging Face's Transformers. Has reusable buffers; not thread-safe.
/// </summary>
internal sealed class TokenSampler
{
    private readonly GenerationOptions _options;
    private readonly bool _hasPenalties;
    private float[] _logits = [];
    private float[] _selection = [];
    private WeightedToken[] _entries = [];
    private int[] _ids = [];
    private double[] _weights = [];

    public TokenSampler(GenerationOptions options)
    {
        _options = options;
        _hasPenalties = options is not { RepetitionPenalty: 1, FrequencyPenalty: 0, PresencePenalty: 0 };
    }

    /// <summary>Chooses a token and returns its id.</summary>
    /// <param name="logits">The model's logits, (V); not changed.</param>
    /// <param name="history">The tokens of the sequence so far.</param>
    /// <param name="drawer">Not used if the temperature is 0.</param>
    /// <param name="tokenCount">
    /// Only ids below it are chosen, because the others have no text; <see langword="null"/> for all.
    /// </param>
    /// <exception cref="InvalidOperationException">A logit is NaN or +∞, or all are −∞.</exception>
    public int Sample(ReadOnlySpan<float> logits, TokenHistory history, TokenDrawer drawer, int? tokenCount = null)
    {
        int vocabularySize = logits.Length;
        logits = logits[..(tokenCount ?? vocabularySize)];
        if (_hasPenalties)
        {
            Grow(ref _logits, logits.Length);
            var penalized = _logits.AsSpan(0, logits.Length);
            logits.CopyTo(penalized);
            history.Penalize(penalized, _options);
            logits = penalized;
        }

        if (_options.Temperature == 0) return LogitScan.ArgMax(logits);

        float max = LogitScan.Max(logits);
        int count = KeepTopK(logits);
        Weigh(logits, max, count);
        count = KeepTopP(count);
        count = KeepMinP(count);
        return _ids[drawer.Draw(_ids.AsSpan(0, count), _weights.AsSpan(0, count), vocabularySize)];
    }

    // Division by a positive temperature keeps the order, so the k most probable can be selected before it.
    private int KeepTopK(ReadOnlySpan<float> logits)
    {
        Grow(ref _ids, logits.Length);
        if (_options.TopK is not { } k || k >= logits.Length)
        {
            for (int id = 0; id < logits.Length; id++) _ids[id] = id;
            return logits.Length;
        }

        int scratch = (int)Math.Min(2L * k, logits.Length);
        Grow(ref _selection, scratch);
        float least = Selection.KthLargest(logits, k, _selection.AsSpan(0, scratch));

        int count = 0, i = 0;
        ref float first = ref MemoryMarshal.GetReference(logits);
        var lanes = Vector512.Create(least);
        for (; i <= logits.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            ulong kept = Vector512.GreaterThanOrEqual(Vector512.LoadUnsafe(ref first, (nuint)i), lanes).ExtractMostSignificantBits();
            for (; kept != 0; kept &= kept - 1) _ids[count++] = i + BitOperations.TrailingZeroCount(kept);
        }

        for (; i < logits.Length; i++)
        {
            if (logits[i] >= least) _ids[count++] = i;
        }

        return count;
    }

    private void Weigh(ReadOnlySpan<float> logits, float max, int count)
    {
        Grow(ref _weights, count);
        var weights = _weights.AsSpan(0, count);
        if (_options.RandomAlgorithm == RandomAlgorithm.PyTorch)
        {
            // The book divides in single precision; its softmax starts from the rounded quotients.
            float divisor = (float)_options.Temperature;
            for (int i = 0; i < count; i++) weights[i] = (logits[_ids[i]] / divisor) - (max / divisor);
            StableExponential.Apply(weights);
        }
        else if (count == logits.Length)
        {
            SoftmaxWeights.Of(logits, max, _options.Temperature, weights);
        }
        else
        {
            for (int i = 0; i < count; i++) weights[i] = (logits[_ids[i]] - (double)max) / _options.Temperature;
            StableExponential.Apply(weights);
        }
    }

    private int KeepTopP(int count)
    {
        if (_options.TopP == 1 || count == 1) return count;
        double total = SoftmaxWeights.Sum(_weights.AsSpan(0, count));

        // All tokens with less weight than this have less weight together than may be missing: the last one kept is not among them.
        double negligible = (1 - _options.TopP) * total / count * 0.999;
        Grow(ref _entries, count);
        int entries = 0;
        for (int i = 0; i < count; i++)
        {
            if (_weights[i] >= negligible) _entries[entries++] = new(_ids[i], _weights[i]);
        }

        var last = Selection.LastOfHeaviest(_entries.AsSpan(0, entries), _options.TopP * total);
        int kept = 0;
        for (int i = 0; i < count; i++)
        {
            if (_weights[i] < last.Weight || (_weights[i] == last.Weight && _ids[i] > last.Id)) continue;
            (_ids[kept], _weights[kept]) = (_ids[i], _weights[i]);
            kept++;
        }

        return kept;
    }

    private int KeepMinP(int count)
    {
        if (_options.MinP == 0) return count;
        int kept = 0;
        for (int i = 0; i < count; i++)
        {
            if (_weights[i] < _options.MinP) continue; // the greatest weight is 1
            (_ids[kept], _weights[kept]) = (_ids[i], _weights[i]);
            kept++;
        }

        return kept;
    }

    private static void Grow<T>(ref T[] buffer, int length)
    {
        if (buffer.Length < length) buffer = new T[length];
    }
}

/// <summary>What penalties depend on: the tokens of a sequence, and how often each was generated.</summary>
internal sealed class TokenHistory
{
    // 0 for a token of the prompt that was not generated.
    private readonly Dictionary<int, int> _generatedCounts = [];

    public TokenHistory(ReadOnlySpan<int> promptIds)
    {
        foreach (int id in promptIds) _generatedCounts.TryAdd(id, 0);
    }

    public void Add(int generatedId) => CollectionsMarshal.GetValueRefOrAddDefault(_generatedCounts, generatedId, out _)++;

    /// <summary>Applies the penalties of the options in place; ids of a prompt that have no logit are skipped.</summary>
    public void Penalize(Span<float> logits, GenerationOptions options)
    {
        float repetition = (float)options.RepetitionPenalty;
        float frequency = (float)options.FrequencyPenalty, presence = (float)options.PresencePenalty;
        foreach (var (id, count) in _generatedCounts)
        {
            if (id >= logits.Length) continue;
            ref float logit = ref logits[id];
            logit = logit < 0 ? logit * repetition : logit / repetition;
            if (count > 0) logit -= (count * frequency) + presence;
        }
    }
}
