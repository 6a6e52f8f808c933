using System.Runtime.CompilerServices;

namespace MLNet.Gpt.Numerics.Vectors;

/// <summary>bfloat16, the upper half of single precision: 8 bits of exponent, 7 of fraction.</summary>
internal static class BFloat16Rounding
{
    /// <summary>Returns the nearest bfloat16, and the even one of two equally near; NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Round(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value)) return (ushort)((bits >> 16) | 0x40);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    /// <summary>Returns the single-precision number with the same value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Widen(ushort value) => BitConverter.UInt32BitsToSingle((uint)value << 16);
}
