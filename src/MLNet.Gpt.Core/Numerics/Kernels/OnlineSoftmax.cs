using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>
/// Softmax over scores that come block by block: the running maximum and the running sum of exponentials relative to it.
/// When a block raises the maximum, what was summed before shrinks by e^(old − new).
/// </summary>
/// <remarks>Milakov and Gimelshein, "Online normalizer calculation for softmax" (2018).</remarks>
internal unsafe struct OnlineSoftmax
{
    private float _maximum;
    private float _sum;

    /// <summary>Before the first block.</summary>
    public static OnlineSoftmax Empty => new() { _maximum = float.NegativeInfinity };

    /// <summary>Σ e^(score − maximum) over the blocks so far.</summary>
    public readonly float Sum => _sum;

    /// <summary>The greatest scaled score so far.</summary>
    public readonly float Maximum => _maximum;

    /// <summary>
    /// Takes the next block: replaces its scores by e^(scale × score − maximum), the first <paramref name="visible"/> of them,
    /// at least 1, and returns the factor for what was accumulated from earlier blocks. There must be room up to the next multiple of 16.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public float Add(float* scores, int visible, float scale)
    {
        int end = (visible + Lanes.Count - 1) & ~(Lanes.Count - 1);
        for (int i = visible; i < end; i++) scores[i] = float.NegativeInfinity;

        var factor = Vector512.Create(scale);
        var maxima = Vector512.Create(float.NegativeInfinity);
        for (int i = 0; i < end; i += Lanes.Count)
        {
            var scaled = Vector512.Load(scores + i) * factor;
            scaled.Store(scores + i);
            maxima = Vector512.Max(maxima, scaled);
        }

        float maximum = MathF.Max(_maximum, Lanes.Max(maxima));
        float correction = Exponential.Of(Vector512.CreateScalar(_maximum - maximum))[0];
        var shift = Vector512.Create(maximum);
        var sums = Vector512<float>.Zero;
        for (int i = 0; i < end; i += Lanes.Count)
        {
            var exponential = Exponential.Of(Vector512.Load(scores + i) - shift);
            exponential.Store(scores + i);
            sums += exponential;
        }

        _sum = (_sum * correction) + Lanes.Sum(sums);
        _maximum = maximum;
        return correction;
    }
}
