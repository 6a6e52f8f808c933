using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>GELU in its tanh form, ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))), as in GPT-2 and the book.</summary>
/// <remarks>½ (1 + tanh z) = 1 / (1 + e^(−2z)), so one exponential and one division do.</remarks>
internal static unsafe class Gelu
{
    private const float MinusTwiceRootOfTwoOverPi = -2 * 0.7978845608f;
    private const float Cubic = 0.044715f;

    /// <summary>y = GELU(a + b); the output may be an input.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void OfSum(float* a, float* b, float* y, int count)
    {
        int whole = count & ~(Lanes.Count - 1), rest = count - whole;
        for (int i = 0; i < whole; i += Lanes.Count) Of(Vector512.Load(a + i) + Vector512.Load(b + i)).Store(y + i);
        if (rest > 0) Lanes.StorePartial(Of(Lanes.LoadPartial(a + whole, rest, 0) + Lanes.LoadPartial(b + whole, rest, 0)), y + whole, rest);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Of(Vector512<float> x)
    {
        var inner = Vector512.MultiplyAddEstimate(x * x, Vector512.Create(Cubic), Vector512<float>.One);
        return x / (Vector512<float>.One + Exponential.Of(x * inner * MinusTwiceRootOfTwoOverPi));
    }
}
