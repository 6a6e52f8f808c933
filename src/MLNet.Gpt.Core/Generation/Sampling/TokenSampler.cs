using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MLNet.Gpt.Generation.Sampling;

/// <summary>
/// Chooses the next token from logits: penalties, temperature, top-k, top-p, min-p, and then a draw, in the order of
/// Hugging Face's Transformers. Holds buffers only; not safe for use by many threads.
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

    /// <summary>The next token's id.</summary>
    /// <param name="logits">The model's logits, (V); left as they are.</param>
    /// <param name="history">The tokens of the sequence so far.</param>
    /// <param name="drawer">Not used where the temperature is 0.</param>
    /// <param name="tokenCount">Only ids below it are chosen, since the others stand for no text; <see langword="null"/>: all.</param>
    /// <exception cref="InvalidOperationException">A logit is NaN or +∞, or all are −∞.</exception>
    public int Sample(ReadOnlySpan<float> logits, TokenHistory history, ITokenDrawer drawer, int? tokenCount = null)
    {
        int vocabularySize = logits.Length;
        logits = logits[..(tokenCount ?? vocabularySize)];
        if (_hasPenalties)
        {
            Grow(ref _logits, logits.Length);
            var penalised = _logits.AsSpan(0, logits.Length);
            logits.CopyTo(penalised);
            history.Penalise(penalised, _options);
            logits = penalised;
        }

        if (_options.Temperature == 0) return LogitScan.ArgMax(logits);

        float max = LogitScan.Max(logits);
        int count = KeepTopK(logits);
        Weigh(logits, max, count);
        count = KeepTopP(count);
        count = KeepMinP(count);
        return _ids[drawer.Draw(_ids.AsSpan(0, count), _weights.AsSpan(0, count), vocabularySize)];
    }

    // Dividing by a positive temperature keeps the order, so that the k most probable can be found before.
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
            // The book divides tensors of single precision; its softmax starts from the rounded quotients.
            float divisor = (float)_options.Temperature;
            for (int i = 0; i < count; i++) weights[i] = (logits[_ids[i]] / divisor) - (max / divisor);
            StableExponential.Apply(weights);
        }
        else if (count == logits.Length)
        {
            Weights.Of(logits, max, _options.Temperature, weights);
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
        double total = Weights.Sum(_weights.AsSpan(0, count));

        // All tokens lighter than this together weigh less than what may be missing: the last one kept is not among them.
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
            if (_weights[i] < _options.MinP) continue; // The heaviest token's weight is 1.
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
