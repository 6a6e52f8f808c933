using System.Runtime.CompilerServices;

namespace MLNet.Gpt.Numerics.Vectors;

/// <summary>One number at a time: what runs on any machine, and what the vector paths are tested against.</summary>
internal unsafe struct SimdScalar : ISimd<float>
{
    public static int Lanes => 1;

    public static bool HasManyRegisters => false;

    public static float Zero => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Load(float* source) => *source;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float value, float* destination) => *destination = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Broadcast(float value) => value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Multiply(float a, float b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MultiplyAdd(float a, float b, float c) => float.MultiplyAddEstimate(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float WidenFirst(uint* pairs) => BitConverter.UInt32BitsToSingle(*pairs << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float WidenSecond(uint* pairs) => BitConverter.UInt32BitsToSingle(*pairs & 0xFFFF0000u);
}
