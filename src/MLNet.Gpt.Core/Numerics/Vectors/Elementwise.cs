using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MLNet.Gpt.Numerics.Vectors;

/// <summary>Short loops over rows, sixteen numbers at a time.</summary>
internal static unsafe class Elementwise
{
    /// <summary>y = a + b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(float* a, float* b, float* y, int count)
    {
        int i = 0;
        for (; i + Lanes.Count <= count; i += Lanes.Count) (Vector512.Load(a + i) + Vector512.Load(b + i)).Store(y + i);
        for (; i < count; i++) y[i] = a[i] + b[i];
    }

    /// <summary>y += a + b, the sum of a and b first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Accumulate(float* a, float* b, float* y, int count)
    {
        int i = 0;
        for (; i + Lanes.Count <= count; i += Lanes.Count) (Vector512.Load(y + i) + (Vector512.Load(a + i) + Vector512.Load(b + i))).Store(y + i);
        for (; i < count; i++) y[i] += a[i] + b[i];
    }

    /// <summary>y = x × factor; the output may be the input.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scale(float* x, float factor, float* y, int count)
    {
        var factors = Vector512.Create(factor);
        int i = 0;
        for (; i + Lanes.Count <= count; i += Lanes.Count) (Vector512.Load(x + i) * factors).Store(y + i);
        for (; i < count; i++) y[i] = x[i] * factor;
    }
}
