using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Random;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>
/// Dropout at one place in the network for one batch: y = x m / (1 − p), where m = 0 with probability p and 1
/// otherwise. The mask is never stored; it is regenerated in the backward pass.
/// </summary>
/// <remarks>
/// Element e of a row draws from the counter (64-element group of e and its lane, row, site, batch), so a mask is a
/// function of seed and position only. Source: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks
/// from Overfitting" (2014), scaled during training like PyTorch's <c>dropout</c>.
/// </remarks>
internal readonly unsafe struct Dropout
{
    private const int GroupLength = 4 * Lanes.Count;

    private readonly ulong _seed;
    private readonly uint _site;
    private readonly uint _batch;
    private readonly uint _threshold;
    private readonly float _scale;

    public Dropout(ulong seed, ulong batch, uint site, double rate)
    {
        // The counter has room for the low half of the batch number; the high half goes into the key.
        (_seed, _batch, _site) = (seed ^ ((batch >> 32) << 32), (uint)batch, site);
        _threshold = (uint)Math.Round(rate * (1L << 32));
        _scale = (float)(1 / (1 - rate));
    }

    /// <summary>Whether anything is dropped.</summary>
    public bool IsActive => _threshold > 0;

    /// <summary>y = x m / (1 − p); the output may be the input.</summary>
    /// <param name="x">The elements of a row.</param>
    /// <param name="y">Receives the results.</param>
    /// <param name="count">How many.</param>
    /// <param name="row">The number of the row.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Apply(float* x, float* y, int count, int row)
    {
        if (!IsActive)
        {
            if (x != y) Row.Copy(x, y, count);
            return;
        }

        var words = stackalloc Vector512<uint>[4];
        for (int start = 0; start < count; start += GroupLength)
        {
            Draw(start, row, words);
            int end = Math.Min(count, start + GroupLength);
            for (int i = start, word = 0; i < end; i += Lanes.Count, word++) Row.Store(
                Masked(Row.Load(x, i, count), words[word]), y, i, count);
        }
    }

    /// <summary>y = a + x m / (1 − p).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void ApplyAndAdd(float* x, float* a, float* y, int count, int row)
    {
        var words = stackalloc Vector512<uint>[4];
        for (int start = 0; start < count; start += GroupLength)
        {
            if (IsActive) Draw(start, row, words);
            int end = Math.Min(count, start + GroupLength);
            for (int i = start, word = 0; i < end; i += Lanes.Count, word++)
            {
                var value = Row.Load(x, i, count);
                Row.Store(Row.Load(a, i, count) + (IsActive ? Masked(value, words[word]) : value), y, i, count);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector512<float> Masked(Vector512<float> value, Vector512<uint> random) => Vector512.ConditionalSelect(
        Vector512.GreaterThanOrEqual(random, Vector512.Create(_threshold)).AsSingle(), value * _scale, Vector512<float>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Draw(int start, int row, Vector512<uint>* words)
    {
        var word0 = Vector512.Create((uint)(start / 4)) + Vector512<uint>.Indices;
        Vector512<uint> word1 = Vector512.Create((uint)row), word2 = Vector512.Create(_site), word3 = Vector512.Create(_batch);
        Philox.Next(ref word0, ref word1, ref word2, ref word3, _seed);
        words[0] = word0;
        words[1] = word1;
        words[2] = word2;
        words[3] = word3;
    }
}
