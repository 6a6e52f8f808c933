using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MLNet.Gpt.Numerics.Softmax;

/// <summary>
/// e^x for x ≤ 0, using only additions and multiplications that are rounded as IEEE 754 requires, so that every machine
/// computes the same bits. The exponentials of math libraries differ in the last digit between processors and systems,
/// so a sampled token could differ too. The error is below 2 units in the last place; the result is 0 below −708, where
/// it would be subnormal.
/// </summary>
internal static class StableExponential
{
    private const double Lowest = -708;

    // Adding it leaves the nearest integer in the lowest bits of the significand.
    private const double Rounder = 6755399441055744; // 1.5 · 2^52

    private const double Log2E = 1.4426950408889634;

    // ln 2 in two parts; the first ends in zeros, so that its product with the exponent is exact (Cody and Waite, 1980).
    private const double Ln2High = 0.693147180369123816490;
    private const double Ln2Low = 1.90821492927058770002e-10;

    /// <summary>Replaces each value, at most 0 and not NaN, by its exponential.</summary>
    public static void Apply(Span<double> values)
    {
        ref double first = ref MemoryMarshal.GetReference(values);
        int i = 0;
        for (; i <= values.Length - Vector512<double>.Count; i += Vector512<double>.Count)
        {
            Of(Vector512.LoadUnsafe(ref first, (nuint)i)).StoreUnsafe(ref first, (nuint)i);
        }

        for (; i < values.Length; i++) values[i] = Of(Vector512.Create(values[i])).ToScalar();
    }

    /// <summary>e^x of each lane, at most 0; NaN stays NaN.</summary>
    // No fused multiply-add: it rounds once instead of twice, and not every machine has it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Of(Vector512<double> x)
    {
        // .NET computes such vectors without AVX-512 operation by operation, in memory; halves stay in registers.
        if (!Vector512.IsHardwareAccelerated) return Vector512.Create(Of(x.GetLower()), Of(x.GetUpper()));
        var bounded = Vector512.Max(x, Vector512.Create(Lowest));
        var shifted = (bounded * Log2E) + Vector512.Create(Rounder);
        var exponent = shifted - Vector512.Create(Rounder);
        var r = (bounded - (exponent * Ln2High)) - (exponent * Ln2Low);

        // The exponential's series on |r| ≤ ln 2 / 2, from the term of degree 13 down; the next one is below 2^-57.
        var p = Vector512.Create(1 / 6227020800.0);
        p = (p * r) + Vector512.Create(1 / 479001600.0);
        p = (p * r) + Vector512.Create(1 / 39916800.0);
        p = (p * r) + Vector512.Create(1 / 3628800.0);
        p = (p * r) + Vector512.Create(1 / 362880.0);
        p = (p * r) + Vector512.Create(1 / 40320.0);
        p = (p * r) + Vector512.Create(1 / 5040.0);
        p = (p * r) + Vector512.Create(1 / 720.0);
        p = (p * r) + Vector512.Create(1 / 120.0);
        p = (p * r) + Vector512.Create(1 / 24.0);
        p = (p * r) + Vector512.Create(1 / 6.0);
        p = (p * r) + Vector512.Create(1 / 2.0);
        p = (p * (r * r)) + r + Vector512<double>.One;

        var scale = ((shifted.AsInt64() + Vector512.Create(1023L)) << 52).AsDouble();
        return Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512.Create(Lowest)), Vector512<double>.Zero, p * scale);
    }

    // The same on a half.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<double> Of(Vector256<double> x)
    {
        var bounded = Vector256.Max(x, Vector256.Create(Lowest));
        var shifted = (bounded * Log2E) + Vector256.Create(Rounder);
        var exponent = shifted - Vector256.Create(Rounder);
        var r = (bounded - (exponent * Ln2High)) - (exponent * Ln2Low);

        var p = Vector256.Create(1 / 6227020800.0);
        p = (p * r) + Vector256.Create(1 / 479001600.0);
        p = (p * r) + Vector256.Create(1 / 39916800.0);
        p = (p * r) + Vector256.Create(1 / 3628800.0);
        p = (p * r) + Vector256.Create(1 / 362880.0);
        p = (p * r) + Vector256.Create(1 / 40320.0);
        p = (p * r) + Vector256.Create(1 / 5040.0);
        p = (p * r) + Vector256.Create(1 / 720.0);
        p = (p * r) + Vector256.Create(1 / 120.0);
        p = (p * r) + Vector256.Create(1 / 24.0);
        p = (p * r) + Vector256.Create(1 / 6.0);
        p = (p * r) + Vector256.Create(1 / 2.0);
        p = (p * (r * r)) + r + Vector256<double>.One;

        var scale = ((shifted.AsInt64() + Vector256.Create(1023L)) << 52).AsDouble();
        return Vector256.ConditionalSelect(Vector256.LessThan(x, Vector256.Create(Lowest)), Vector256<double>.Zero, p * scale);
    }
}
