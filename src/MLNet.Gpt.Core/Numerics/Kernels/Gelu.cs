using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
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

    /// <summary>y = GELU(x); the output may be the input.</summary>
    public static void Forward(float* x, float* y, int count) => Row.Map(default(Function), x, y, count);

    /// <summary>y = GELU(a + b); the output may be an input.</summary>
    public static void OfSum(float* a, float* b, float* y, int count) => Row.Map(default(Function), a, b, y, count);

    /// <summary>dx = dy × GELU′(x); the output may be an input.</summary>
    public static void Backward(float* x, float* dy, float* dx, int count) => Row.Map(default(Gradient), x, dy, dx, count);

    // 1 + e^(−2z)
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Divisor(Vector512<float> x)
    {
        var inner = Vector512.MultiplyAddEstimate(x * x, Vector512.Create(Cubic), Vector512<float>.One);
        return Vector512<float>.One + Exponential.Of(x * inner * -TwiceRootOfTwoOverPi);
    }

    private readonly struct Function : IMap, IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Of(Vector512<float> x) => x / Divisor(x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Of(Vector512<float> a, Vector512<float> b) => Of(a + b);
    }

    private readonly struct Gradient : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Of(Vector512<float> x, Vector512<float> dy)
        {
            Vector512<float> one = Vector512<float>.One, s = one / Divisor(x);
            var slope = Vector512.MultiplyAddEstimate(x * x, Vector512.Create(3 * Cubic), one) * TwiceRootOfTwoOverPi;
            return dy * Vector512.MultiplyAddEstimate(x * s * (one - s), slope, s);
        }
    }
}

/// <summary>y = GELU(sums + bias); u receives GELU's input if the backward pass will need it.</summary>
internal readonly unsafe struct GeluSink(Matrix y, float* bias, Matrix u = default) : ISink
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Take(float* sums, int row, int column, int count)
    {
        float* result = y.Row(row) + column;
        if (u.Data is null)
        {
            Gelu.OfSum(sums, bias + column, result, count);
            return;
        }

        float* kept = u.Row(row) + column;
        Row.Add(sums, bias + column, kept, count);
        Gelu.Forward(kept, result, count);
    }
}

/// <summary>du = sums × GELU′(u), where the sums are the gradient of GELU(u).</summary>
internal readonly unsafe struct GeluGradientSink(Matrix u, Matrix du) : ISink
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Take(float* sums, int row, int column, int count) => Gelu.Backward(u.Row(row) + column, sums, du.Row(row) + column, count);
}
