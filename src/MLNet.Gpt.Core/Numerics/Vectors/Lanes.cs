using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MLNet.Gpt.Numerics.Vectors;

/// <summary>
/// Sixteen lanes folded into one number, always in the same order: sums come out bit for bit the same
/// on machines whose registers are narrower, where <see cref="Vector512"/> is made of two or four of them.
/// </summary>
internal static unsafe class Lanes
{
    /// <summary>Lanes of the vector that the elementwise kernels are written in.</summary>
    public const int Count = 16;

    /// <summary>The sum of the lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector512<float> value)
    {
        var eight = value.GetLower() + value.GetUpper();
        var four = eight.GetLower() + eight.GetUpper();
        return (four[0] + four[2]) + (four[1] + four[3]);
    }

    /// <summary>The greatest lane; NaN where a lane is NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector512<float> value)
    {
        var eight = Vector256.Max(value.GetLower(), value.GetUpper());
        var four = Vector128.Max(eight.GetLower(), eight.GetUpper());
        return MathF.Max(MathF.Max(four[0], four[2]), MathF.Max(four[1], four[3]));
    }

    /// <summary>The first <paramref name="count"/> numbers (fewer than 16), and a filler in the lanes after them.</summary>
    public static Vector512<float> LoadPartial(float* source, int count, float filler)
    {
        float* lanes = stackalloc float[Count];
        for (int i = 0; i < Count; i++) lanes[i] = i < count ? source[i] : filler;
        return Vector512.Load(lanes);
    }

    /// <summary>Writes the first <paramref name="count"/> lanes.</summary>
    public static void StorePartial(Vector512<float> value, float* destination, int count)
    {
        float* lanes = stackalloc float[Count];
        value.Store(lanes);
        for (int i = 0; i < count; i++) destination[i] = lanes[i];
    }
}
