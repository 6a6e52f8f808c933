using System.Runtime.CompilerServices;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>Signed bytes with a scale: value ≈ byte × scale, the greatest magnitude at ±127.</summary>
internal static class Int8Rounding
{
    /// <summary>
    /// The offset that makes a weight's byte unsigned, as the multiply-add instruction requires of one operand.
    /// </summary>
    public const int Offset = 128;

    /// <summary>Greatest magnitude of a byte.</summary>
    public const int Largest = 127;

    /// <summary>
    /// Returns the scale of numbers that share one; NaN if one of them is NaN or infinite, so that broken values do not
    /// pass for numbers.
    /// </summary>
    public static float ScaleOf(ReadOnlySpan<float> values)
    {
        float largest = 0;
        foreach (float value in values) largest = MathF.Max(largest, MathF.Abs(value));
        return ScaleOf(largest);
    }

    /// <summary>
    /// Returns the scale of numbers from their greatest magnitude; 0 if they are too small for the scale to have an
    /// inverse.
    /// </summary>
    public static float ScaleOf(float largest) => !float.IsFinite(largest) ? float.NaN : largest < 1e-35f ? 0 : largest / Largest;

    /// <summary>Returns the nearest byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Round(float value, float inverseScale) => (int)MathF.Round(value * inverseScale);
}
