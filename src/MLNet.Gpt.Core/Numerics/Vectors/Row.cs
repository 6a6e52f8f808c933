using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MLNet.Gpt.Numerics.Vectors;

/// <summary>
/// Sixteen numbers at a time of a row of any length: loops run over i in steps of <see cref="Lanes.Count"/>, and the
/// last step may be partial.
/// </summary>
internal static unsafe class Row
{
    /// <summary>The numbers i … i + 15; a filler where the row has ended.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* row, int i, int count, float filler = 0) =>
        i + Lanes.Count <= count ? Vector512.Load(row + i) : Lanes.LoadPartial(row + i, count - i, filler);

    /// <summary>Writes the numbers i … i + 15, those that the row has.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, float* row, int i, int count)
    {
        if (i + Lanes.Count <= count) value.Store(row + i);
        else Lanes.StorePartial(value, row + i, count - i);
    }

    /// <summary>y += x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(float* x, float* y, int count)
    {
        for (int i = 0; i < count; i += Lanes.Count) Store(Load(y, i, count) + Load(x, i, count), y, i, count);
    }

    /// <summary>Σ a b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Dot(float* a, float* b, int count)
    {
        var sum = Vector512<float>.Zero;
        for (int i = 0; i < count; i += Lanes.Count) sum = Vector512.MultiplyAddEstimate(Load(a, i, count), Load(b, i, count), sum);
        return Lanes.Sum(sum);
    }

    /// <summary>y = x. For the short rows of tiles and panels, which a call of the runtime's own copying would outlast.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Copy(float* x, float* y, int count)
    {
        int i = 0;
        for (; i + Lanes.Count <= count; i += Lanes.Count) Vector512.Load(x + i).Store(y + i);
        if (i + 8 <= count)
        {
            Vector256.Load(x + i).Store(y + i);
            i += 8;
        }

        for (; i < count; i++) y[i] = x[i];
    }

    /// <summary>x = 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Clear(float* x, int count) => new Span<float>(x, count).Clear();
}
