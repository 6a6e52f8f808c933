using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>The function of a feed-forward layer, and its derivative.</summary>
internal interface IActivation : IMap
{
    /// <summary>f(x) and f′(x), with the bits that <see cref="IMap.Of"/> gives.</summary>
    (Vector512<float> Value, Vector512<float> Slope) WithSlope(Vector512<float> x);
}

/// <summary>GELU in its tanh form, ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))), as in GPT-2 and the book.</summary>
/// <remarks>
/// With z = √(2/π) (x + 0.044715 x³) and s = ½ (1 + tanh z) = 1 / (1 + e^(−2z)): GELU(x) = x s, so one exponential and
/// one division suffice. Since ds/dx = 2 s (1 − s) dz/dx, GELU′(x) = s + 2 x s (1 − s) √(2/π) (1 + 3 × 0.044715 x²).
/// Source: Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016).
/// </remarks>
internal readonly struct Gelu : IActivation
{
    private const float TwiceRootOfTwoOverPi = 2 * 0.7978845608f;
    private const float Cubic = 0.044715f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Of(Vector512<float> x) => x / Divisor(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public (Vector512<float> Value, Vector512<float> Slope) WithSlope(Vector512<float> x)
    {
        Vector512<float> one = Vector512<float>.One, divisor = Divisor(x), s = one / divisor;
        var slope = Vector512.MultiplyAddEstimate(x * x, Vector512.Create(3 * Cubic), one) * TwiceRootOfTwoOverPi;
        return (x / divisor, Vector512.MultiplyAddEstimate(x * s * (one - s), slope, s));
    }

    // 1 + e^(−2z)
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Divisor(Vector512<float> x)
    {
        var inner = Vector512.MultiplyAddEstimate(x * x, Vector512.Create(Cubic), Vector512<float>.One);
        return Vector512<float>.One + Exponential.Of(x * inner * -TwiceRootOfTwoOverPi);
    }
}

/// <summary>GELU with the error function, x Φ(x) with Φ(x) = ½ (1 + erf(x / √2)), as in nanoGPT.</summary>
/// <remarks>
/// For x ≥ 0 and t = 1 / (1 + p x / √2): 1 − Φ(x) = ½ (a₁ t + … + a₅ t⁵) e^(−x²/2), within 8 × 10⁻⁸. Source: Abramowitz and
/// Stegun, "Handbook of Mathematical Functions" (1964), 7.1.26. GELU′(x) = Φ(x) + x e^(−x²/2) / √(2π).
/// </remarks>
internal readonly struct GeluExact : IActivation
{
    private const float Slowness = 0.3275911f * 0.70710678f;
    private const float InverseRootOfTwoPi = 0.39894228f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Of(Vector512<float> x) => x * Probability(x, Exponential.Of(x * x * -0.5f));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public (Vector512<float> Value, Vector512<float> Slope) WithSlope(Vector512<float> x)
    {
        Vector512<float> density = Exponential.Of(x * x * -0.5f), probability = Probability(x, density);
        return (x * probability, Vector512.MultiplyAddEstimate(x * InverseRootOfTwoPi, density, probability));
    }

    // Φ(x)
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Probability(Vector512<float> x, Vector512<float> density)
    {
        Vector512<float> one = Vector512<float>.One;
        var t = one / Vector512.MultiplyAddEstimate(Vector512.Abs(x), Vector512.Create(Slowness), one);
        var p = Vector512.MultiplyAddEstimate(t, Vector512.Create(1.061405429f), Vector512.Create(-1.453152027f));
        p = Vector512.MultiplyAddEstimate(p, t, Vector512.Create(1.421413741f));
        p = Vector512.MultiplyAddEstimate(p, t, Vector512.Create(-0.284496736f));
        p = Vector512.MultiplyAddEstimate(p, t, Vector512.Create(0.254829592f));
        var tail = p * t * density * 0.5f;
        return Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512<float>.Zero), tail, one - tail);
    }
}

/// <summary>SiLU, x σ(x) with σ(x) = 1 / (1 + e^(−x)), the gate of SwiGLU. SiLU′(x) = σ (1 + x (1 − σ)).</summary>
/// <remarks>Source: Elfwing, Uchibe and Doya, "Sigmoid-Weighted Linear Units" (2017).</remarks>
internal readonly struct Silu : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Of(Vector512<float> x) => x / (Vector512<float>.One + Exponential.Of(-x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public (Vector512<float> Value, Vector512<float> Slope) WithSlope(Vector512<float> x)
    {
        Vector512<float> one = Vector512<float>.One, divisor = one + Exponential.Of(-x), s = one / divisor;
        return (x / divisor, Vector512.MultiplyAddEstimate(x * (one - s), s, s));
    }
}

/// <summary>The loops over rows of an activation; outputs may be inputs.</summary>
internal static unsafe class Activation<TActivation>
    where TActivation : struct, IActivation
{
    /// <summary>y = f(x).</summary>
    public static void Forward(float* x, float* y, int count) => Row.Map(default(TActivation), x, y, count);

    /// <summary>y = f(a + b).</summary>
    public static void OfSum(float* a, float* b, float* y, int count) => Row.Map(default(Sum), a, b, y, count);

    /// <summary>y = f(x); x ← f′(x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Differentiate(float* x, float* y, int count)
    {
        for (int i = 0; i < count; i += Lanes.Count)
        {
            var (value, slope) = default(TActivation).WithSlope(Row.Load(x, i, count));
            Row.Store(value, y, i, count);
            Row.Store(slope, x, i, count);
        }
    }

    /// <summary>y = f(x) × factor.</summary>
    public static void Gate(float* x, float* factor, float* y, int count) => Row.Map(default(Gated), x, factor, y, count);

    /// <summary>y = f(x) × factor; x ← f′(x) × factor, the derivative by x; factor ← f(x), that by the factor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void DifferentiateGate(float* x, float* factor, float* y, int count)
    {
        for (int i = 0; i < count; i += Lanes.Count)
        {
            var gated = Row.Load(factor, i, count);
            var (value, slope) = default(TActivation).WithSlope(Row.Load(x, i, count));
            Row.Store(value * gated, y, i, count);
            Row.Store(slope * gated, x, i, count);
            Row.Store(value, factor, i, count);
        }
    }

    private readonly struct Sum : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Of(Vector512<float> a, Vector512<float> b) => default(TActivation).Of(a + b);
    }

    private readonly struct Gated : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Of(Vector512<float> x, Vector512<float> factor) => default(TActivation).Of(x) * factor;
    }
}

/// <summary>y = f(sums + bias); u receives the function's input if the backward pass will need it. There may be no bias.</summary>
internal readonly unsafe struct ActivationSink<TActivation>(Matrix y, float* bias, Matrix u = default) : ISink
    where TActivation : struct, IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Take(float* sums, int row, int column, int count)
    {
        float* result = y.Row(row) + column;
        if (u.Data is null)
        {
            if (bias is null) Activation<TActivation>.Forward(sums, result, count);
            else Activation<TActivation>.OfSum(sums, bias + column, result, count);
            return;
        }

        float* kept = u.Row(row) + column;
        new StoreSink(u, bias).Take(sums, row, column, count);
        Activation<TActivation>.Forward(kept, result, count);
    }
}

/// <summary>
/// y = f(sums + bias) × factor, and y may be the factor; u receives the function's input if the backward pass will need
/// it. There may be no bias.
/// </summary>
internal readonly unsafe struct GateSink<TActivation>(Matrix factor, Matrix y, float* bias, Matrix u = default) : ISink
    where TActivation : struct, IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Take(float* sums, int row, int column, int count)
    {
        float* input = sums;
        if (u.Data is not null)
        {
            new StoreSink(u, bias).Take(sums, row, column, count);
            input = u.Row(row) + column;
        }
        else if (bias is not null)
        {
            Row.Add(sums, bias + column, sums, count);
        }

        Activation<TActivation>.Gate(input, factor.Row(row) + column, y.Row(row) + column, count);
    }
}
