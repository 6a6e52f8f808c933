using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>
/// Soft capping of attention's scores and of logits, as in Gemma 2: y = c tanh(s x / c) keeps them between −c and c and is
/// near s x for small ones. dy/dx = s (1 − (y / c)²).
/// </summary>
/// <param name="limit">c; 0 if nothing is capped.</param>
/// <remarks>Source: Gemma Team, "Gemma 2" (2024), section 2.</remarks>
internal readonly unsafe struct SoftCap(float limit)
{
    private readonly float _limit = limit;

    /// <summary>Whether there is a limit.</summary>
    public bool IsActive => _limit > 0;

    /// <summary>Returns the cap of a configuration's property.</summary>
    public static SoftCap Of(double? limit) => new((float)(limit ?? 0));

    /// <summary>Caps numbers in place, times a scale. They may not be hidden (−∞) yet.</summary>
    public void Apply(float* x, int count, float scale = 1)
    {
        if (IsActive) Row.Map(new Capped(scale / _limit, _limit), x, x, count);
    }

    /// <summary>
    /// Multiplies gradients of capped numbers by (1 − (y / c)²), in place; the scale is left to the caller. Hidden numbers (−∞)
    /// have no slope.
    /// </summary>
    public void Backward(float* y, float* gradient, int count) => Row.Map(new Slope(1 / _limit), y, gradient, gradient, count);

    private readonly struct Capped(float scale, float limit) : IMap
    {
        private readonly float _scale = scale, _limit = limit;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Of(Vector512<float> x) => HyperbolicTangent.Of(x * _scale) * _limit;
    }

    private readonly struct Slope(float inverse) : IMap2
    {
        private readonly float _inverse = inverse;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Of(Vector512<float> y, Vector512<float> gradient)
        {
            var t = Vector512.Max(y * _inverse, Vector512.Create(-1f));
            return gradient * (Vector512<float>.One - (t * t));
        }
    }
}
