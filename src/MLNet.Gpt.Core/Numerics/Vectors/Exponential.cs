using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MLNet.Gpt.Numerics.Vectors;

/// <summary>eˣ in single precision, within about 1 unit in the last place; exactly 1 at 0, and 0 below −87.33.</summary>
/// <remarks>
/// x = n ln 2 + r with |r| ≤ ½ ln 2; ln 2 is subtracted in two parts so that r keeps its bits, e^r is a polynomial
/// (coefficients from Cephes' expf, S. Moshier), and 2ⁿ goes into the exponent.
/// </remarks>
internal static class Exponential
{
    private const float Log2OfE = 1.44269504f;
    private const float HighOfLn2 = 0.693359375f;
    private const float LowOfLn2 = -2.12194440e-4f;
    private const float Smallest = -87.33654f;
    private const float Largest = 88.3762f;

    /// <summary>eˣ of each lane; NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Of(Vector512<float> x)
    {
        // .NET computes such vectors without AVX-512 operation by operation, in memory; halves stay in registers.
        if (!Vector512.IsHardwareAccelerated) return Vector512.Create(Of(x.GetLower()), Of(x.GetUpper()));
        var bounded = Vector512.ConditionalSelect(
            Vector512.GreaterThan(x, Vector512.Create(Largest)), Vector512.Create(Largest), x);
        var n = Vector512.Floor(Vector512.MultiplyAddEstimate(bounded, Vector512.Create(Log2OfE), Vector512.Create(0.5f)));
        var r = Vector512.MultiplyAddEstimate(n, Vector512.Create(-HighOfLn2), bounded);
        r = Vector512.MultiplyAddEstimate(n, Vector512.Create(-LowOfLn2), r);

        var p = Vector512.Create(1.9875691500e-4f);
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(5.0000001201e-1f));
        p = Vector512.MultiplyAddEstimate(p, r * r, r + Vector512<float>.One);

        var power = ((Vector512.ConvertToInt32(n) + Vector512.Create(127)) << 23).AsSingle();
        return Vector512.ConditionalSelect(
            Vector512.LessThan(x, Vector512.Create(Smallest)), Vector512<float>.Zero, p * power);
    }

    // The same on a half.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Of(Vector256<float> x)
    {
        var bounded = Vector256.ConditionalSelect(
            Vector256.GreaterThan(x, Vector256.Create(Largest)), Vector256.Create(Largest), x);
        var n = Vector256.Floor(Vector256.MultiplyAddEstimate(bounded, Vector256.Create(Log2OfE), Vector256.Create(0.5f)));
        var r = Vector256.MultiplyAddEstimate(n, Vector256.Create(-HighOfLn2), bounded);
        r = Vector256.MultiplyAddEstimate(n, Vector256.Create(-LowOfLn2), r);

        var p = Vector256.Create(1.9875691500e-4f);
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(1.3981999507e-3f));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(8.3334519073e-3f));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(4.1665795894e-2f));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(1.6666665459e-1f));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(5.0000001201e-1f));
        p = Vector256.MultiplyAddEstimate(p, r * r, r + Vector256<float>.One);

        var power = ((Vector256.ConvertToInt32(n) + Vector256.Create(127)) << 23).AsSingle();
        return Vector256.ConditionalSelect(
            Vector256.LessThan(x, Vector256.Create(Smallest)), Vector256<float>.Zero, p * power);
    }
}
