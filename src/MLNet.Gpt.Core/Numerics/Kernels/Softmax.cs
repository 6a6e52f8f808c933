using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>The steps of a softmax over a row, p = e^(x − maximum) / Σ e^(x − maximum).</summary>
/// <remarks>
/// Rows have room for the next multiple of 16 numbers, which <see cref="Pad"/> fills, so that no step is partial.
/// </remarks>
internal static unsafe class Softmax
{
    /// <summary>Pads a row with −∞, which has no weight, to the next multiple of 16.</summary>
    /// <returns>The length of the padded row.</returns>
    public static int Pad(float* x, int count)
    {
        int end = (count + Lanes.Count - 1) & ~(Lanes.Count - 1);
        for (int i = count; i < end; i++) x[i] = float.NegativeInfinity;
        return end;
    }

    /// <summary>Returns the greatest number of a padded row, or NaN if one is NaN.</summary>
    public static float Max(float* x, int count) =>
        Lanes.Max(Row.Fold(default(Maximum), Vector512.Create(float.NegativeInfinity), x, count));

    /// <summary>Replaces a padded row by e^(scale × x − shift) and returns the sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Exponentiate(float* x, int count, float scale, float shift)
    {
        Debug.Assert(count % Lanes.Count == 0, "The row is not padded.");
        var exponential = new ScaledExponential(scale, shift);
        var sums = Vector512<float>.Zero;
        for (int i = 0; i < count; i += Lanes.Count)
        {
            var value = exponential.Of(Vector512.Load(x + i));
            value.Store(x + i);
            sums += value;
        }

        return Lanes.Sum(sums);
    }

    /// <summary>Replaces scores by the softmax of scale × scores.</summary>
    /// <returns>ln Σ e^(scale × score).</returns>
    public static float Apply(float* scores, int count, float scale)
    {
        int padded = Pad(scores, count);
        float maximum = Max(scores, padded) * scale, sum = Exponentiate(scores, padded, scale, maximum);
        Row.Scale(scores, 1 / sum, scores, padded);
        return maximum + MathF.Log(sum);
    }

    /// <summary>Replaces scores by the softmax of scale × scores, whose ln Σ e^(scale × score) is known.</summary>
    public static void Reapply(float* scores, int count, float scale, float logSumExp) =>
        Row.Map(new ScaledExponential(scale, logSumExp), scores, scores, Pad(scores, count));

    /// <summary>
    /// Hides the first scores of a row that begins at a multiple of 16 positions: the vectors before the first visible one
    /// can be skipped, and scores in its own become −∞.
    /// </summary>
    /// <param name="scores">The row.</param>
    /// <param name="begin">The first visible score.</param>
    /// <returns>The first score of its vector, from which on the row is to be computed.</returns>
    public static int Hide(float* scores, int begin)
    {
        int first = begin / Lanes.Count * Lanes.Count;
        new Span<float>(scores + first, begin - first).Fill(float.NegativeInfinity);
        return first;
    }

    private readonly struct Maximum : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Of(Vector512<float> x, Vector512<float> y) => Vector512.Max(x, y);
    }

    private readonly struct ScaledExponential(float scale, float shift) : IMap
    {
        private readonly float _scale = scale, _shift = shift;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Of(Vector512<float> x) => Exponential.Of((x * _scale) - Vector512.Create(_shift));
    }
}

/// <summary>
/// Softmax over scores that arrive block by block: the running maximum and the running sum of exponentials relative to
/// it. When a block raises the maximum, the sum so far is multiplied by e^(old − new).
/// </summary>
/// <remarks>Source: Milakov and Gimelshein, "Online normalizer calculation for softmax" (2018).</remarks>
internal unsafe struct OnlineSoftmax
{
    private float _maximum;
    private float _sum;

    /// <summary>The state before the first block.</summary>
    public static OnlineSoftmax Empty => new() { _maximum = float.NegativeInfinity };

    /// <summary>Σ e^(score − maximum) over the blocks so far.</summary>
    public readonly float Sum => _sum;

    /// <summary>The greatest scaled score so far.</summary>
    public readonly float Maximum => _maximum;

    /// <summary>Adds the next block: replaces its scores by e^(scale × score − maximum).</summary>
    /// <param name="scores">The block, with room for the next multiple of 16.</param>
    /// <param name="visible">The number of its scores, at least 1.</param>
    /// <param name="scale">What scores are multiplied by; above 0.</param>
    /// <returns>The factor for what was accumulated from earlier blocks.</returns>
    public float Add(float* scores, int visible, float scale)
    {
        int padded = Softmax.Pad(scores, visible);
        float maximum = MathF.Max(_maximum, Softmax.Max(scores, padded) * scale);
        float correction = Exponential.Of(Vector512.CreateScalar(_maximum - maximum))[0];
        _sum = (_sum * correction) + Softmax.Exponentiate(scores, padded, scale, maximum);
        _maximum = maximum;
        return correction;
    }
}
