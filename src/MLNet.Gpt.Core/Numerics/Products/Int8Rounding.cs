using System.Runtime.CompilerServices;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>Signed bytes with a scale: value ≈ byte × scale, the greatest magnitude at ±127.</summary>
internal static class Int8Rounding
{
    /// <summary>What is added to a weight's byte to hold it unsigned, as the multiply-add instruction wants one side.</summary>
    public const int Offset = 128;

    /// <summary>Greatest magnitude of a byte.</summary>
    public const int Largest = 127;

    /// <summary>
    /// The scale of numbers that share one; NaN where one of them is NaN or infinite, so that nothing broken passes for
    /// a number.
    /// </summary>
    public static float ScaleOf(ReadOnlySpan<float> values)
    {
        float largest = 0;
        foreach (float value in values) largest = MathF.Max(largest, MathF.Abs(value));
        return ScaleOf(largest);
    }

    /// <summary>
    /// The scale of numbers of which the greatest magnitude is given; 0 where they are too small for a scale to have an
    /// inverse.
    /// </summary>
    public static float ScaleOf(float largest) => !float.IsFinite(largest) ? float.NaN : largest < 1e-35f ? 0 : largest / Largest;

    /// <summary>The nearest byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Round(float value, float inverseScale) => (int)MathF.Round(value * inverseScale);
}
