using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MLNet.Gpt.Numerics.Vectors;

/// <summary>
/// The sixteen lanes of all light kernels. They are always reduced to one number in the same order, so that sums have
/// the same bits on machines with narrower registers, where <see cref="Vector512"/> consists of two or four.
/// </summary>
internal static unsafe class Lanes
{
    /// <summary>Number of lanes.</summary>
    public const int Count = 16;

    /// <summary>Returns the sum of the lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector512<float> value)
    {
        var eight = value.GetLower() + value.GetUpper();
        var four = eight.GetLower() + eight.GetUpper();
        return (four[0] + four[2]) + (four[1] + four[3]);
    }

    /// <summary>Returns the greatest lane, or NaN if a lane is NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector512<float> value)
    {
        var eight = Vector256.Max(value.GetLower(), value.GetUpper());
        var four = Vector128.Max(eight.GetLower(), eight.GetUpper());
        return MathF.Max(MathF.Max(four[0], four[2]), MathF.Max(four[1], four[3]));
    }

    /// <summary>
    /// Loads the first <paramref name="count"/> numbers, fewer than 16, and fills the other lanes with a filler.
    /// </summary>
    public static Vector512<float> LoadPartial(float* source, int count, float filler)
    {
        Debug.Assert(count is > 0 and < Count, "A whole or an empty vector is not partial.");
        if (count == Count / 2) return Vector512.Create(Vector256.Load(source), Vector256.Create(filler));
        float* lanes = stackalloc float[Count];
        for (int i = 0; i < Count; i++) lanes[i] = i < count ? source[i] : filler;
        return Vector512.Load(lanes);
    }

    /// <summary>Stores the first <paramref name="count"/> lanes, fewer than 16.</summary>
    public static void StorePartial(Vector512<float> value, float* destination, int count)
    {
        Debug.Assert(count is > 0 and < Count, "A whole or an empty vector is not partial.");
        if (count == Count / 2)
        {
            value.GetLower().Store(destination);
            return;
        }

        float* lanes = stackalloc float[Count];
        value.Store(lanes);
        for (int i = 0; i < count; i++) destination[i] = lanes[i];
    }
}
