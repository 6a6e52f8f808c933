using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Kernels;

namespace MLNet.Gpt.Training.Managed;

/// <summary>GELU in its tanh form and its derivative.</summary>
/// <remarks>
/// With z = √(2/π) (x + 0.044715 x³) and s = ½ (1 + tanh z) = 1 / (1 + e^(−2z)): GELU(x) = x s, and since ds/dx = 2 s
/// (1 − s) dz/dx, GELU′(x) = s + 2 x s (1 − s) √(2/π) (1 + 3 × 0.044715 x²). Source: Hendrycks and Gimpel, "Gaussian
/// Error Linear Units" (2016), in GPT-2's form.
/// </remarks>
internal static unsafe class Gelu
{
    private const float TwiceRootOfTwoOverPi = 2 * 0.7978845608f;
    private const float Cubic = 0.044715f;

    /// <summary>y = GELU(x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Forward(float* x, float* y, int count)
    {
        for (int i = 0; i < count; i += Lanes.Count)
        {
            var value = Row.Load(x, i, count);
            Row.Store(value * Share(value), y, i, count);
        }
    }

    /// <summary>dx = dy × GELU′(x); the output may be an input.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Backward(float* x, float* dy, float* dx, int count)
    {
        var one = Vector512<float>.One;
        for (int i = 0; i < count; i += Lanes.Count)
        {
            var value = Row.Load(x, i, count);
            var share = Share(value);
            var slope = Vector512.MultiplyAddEstimate(value * value, Vector512.Create(3 * Cubic), one) * TwiceRootOfTwoOverPi;
            var derivative = Vector512.MultiplyAddEstimate(value * share * (one - share), slope, share);
            Row.Store(Row.Load(dy, i, count) * derivative, dx, i, count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Share(Vector512<float> x)
    {
        var inner = Vector512.MultiplyAddEstimate(x * x, Vector512.Create(Cubic), Vector512<float>.One);
        return Vector512<float>.One / (Vector512<float>.One + Exponential.Of(x * inner * -TwiceRootOfTwoOverPi));
    }
}
