using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>GELU in its tanh form, ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))), as in GPT-2 and the book, and its derivative.</summary>
/// <remarks>
/// With z = √(2/π) (x + 0.044715 x³) and s = ½ (1 + tanh z) = 1 / (1 + e^(−2z)): GELU(x) = x s, so one exponential and
/// one division suffice. Since ds/dx = 2 s (1 − s) dz/dx, GELU′(x) = s + 2 x s (1 − s) √(2/π) (1 + 3 × 0.044715 x²).
/// Source: Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016).
/// </remarks>
internal static unsafe class Gelu
{
    private const float TwiceRootOfTwoOverPi = 2 * 0.7978845608f;
    private const float Cubic = 0.044715f;

    /// <summary>y = GELU(a + b); the output may be an input.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void OfSum(float* a, float* b, float* y, int count)
    {
        int whole = count & ~(Lanes.Count - 1), rest = count - whole;
        for (int i = 0; i < whole; i += Lanes.Count) Of(Vector512.Load(a + i) + Vector512.Load(b + i)).Store(y + i);
        if (rest > 0) Lanes.StorePartial(Of(Lanes.LoadPartial(a + whole, rest, 0) + Lanes.LoadPartial(b + whole, rest, 0)), y + whole, rest);
    }

    /// <summary>y = GELU(x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Forward(float* x, float* y, int count)
    {
        for (int i = 0; i < count; i += Lanes.Count) Row.Store(Of(Row.Load(x, i, count)), y, i, count);
    }

    /// <summary>dx = dy × GELU′(x); the output may be an input.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Backward(float* x, float* dy, float* dx, int count)
    {
        var one = Vector512<float>.One;
        for (int i = 0; i < count; i += Lanes.Count)
        {
            var value = Row.Load(x, i, count);
            var share = one / Divisor(value);
            var slope = Vector512.MultiplyAddEstimate(value * value, Vector512.Create(3 * Cubic), one) * TwiceRootOfTwoOverPi;
            var derivative = Vector512.MultiplyAddEstimate(value * share * (one - share), slope, share);
            Row.Store(Row.Load(dy, i, count) * derivative, dx, i, count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Of(Vector512<float> x) => x / Divisor(x);

    // 1 + e^(−2z)
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Divisor(Vector512<float> x)
    {
        var inner = Vector512.MultiplyAddEstimate(x * x, Vector512.Create(Cubic), Vector512<float>.One);
        return Vector512<float>.One + Exponential.Of(x * inner * -TwiceRootOfTwoOverPi);
    }
}
