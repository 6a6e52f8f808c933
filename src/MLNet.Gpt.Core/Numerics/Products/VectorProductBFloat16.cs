using System.Runtime.CompilerServices;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>
/// One row times panels of bfloat16 weights. A panel has two steps of k next to each other, the first in the lower half
/// of each 32-bit word, so one load, a shift and a mask give two registers of single precision.
/// </summary>
internal static unsafe class VectorProductBFloat16<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    /// <summary>
    /// y (panels × 3 registers) = x (depth) · panels, which are <paramref name="stride"/> words apart; an odd depth's
    /// missing last weight is 0.
    /// </summary>
    public static void Multiply(int depth, float* x, uint* panels, long stride, int count, float* y)
    {
        int width = 3 * TSimd.Lanes;
        for (; count >= 2; count -= 2, panels += 2 * stride, y += 2 * width) MultiplyTwo(depth, x, panels, panels + stride, y);
        if (count > 0) MultiplyOne(depth, x, panels, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyTwo(int depth, float* x, uint* panel, uint* other, float* y)
    {
        int lanes = TSimd.Lanes;
        TVector y0 = TSimd.Zero, y1 = TSimd.Zero, y2 = TSimd.Zero, y3 = TSimd.Zero, y4 = TSimd.Zero, y5 = TSimd.Zero;
        int k = 0;
        for (; k + 2 <= depth; k += 2)
        {
            TVector first = TSimd.Broadcast(x[k]), second = TSimd.Broadcast(x[k + 1]);
            y0 = TSimd.MultiplyAdd(first, TSimd.WidenFirst(panel), y0);
            y1 = TSimd.MultiplyAdd(first, TSimd.WidenFirst(panel + lanes), y1);
            y2 = TSimd.MultiplyAdd(first, TSimd.WidenFirst(panel + (2 * lanes)), y2);
            y3 = TSimd.MultiplyAdd(first, TSimd.WidenFirst(other), y3);
            y4 = TSimd.MultiplyAdd(first, TSimd.WidenFirst(other + lanes), y4);
            y5 = TSimd.MultiplyAdd(first, TSimd.WidenFirst(other + (2 * lanes)), y5);
            y0 = TSimd.MultiplyAdd(second, TSimd.WidenSecond(panel), y0);
            y1 = TSimd.MultiplyAdd(second, TSimd.WidenSecond(panel + lanes), y1);
            y2 = TSimd.MultiplyAdd(second, TSimd.WidenSecond(panel + (2 * lanes)), y2);
            y3 = TSimd.MultiplyAdd(second, TSimd.WidenSecond(other), y3);
            y4 = TSimd.MultiplyAdd(second, TSimd.WidenSecond(other + lanes), y4);
            y5 = TSimd.MultiplyAdd(second, TSimd.WidenSecond(other + (2 * lanes)), y5);
            panel += 3 * lanes;
            other += 3 * lanes;
        }

        if (k < depth)
        {
            TVector last = TSimd.Broadcast(x[k]);
            y0 = TSimd.MultiplyAdd(last, TSimd.WidenFirst(panel), y0);
            y1 = TSimd.MultiplyAdd(last, TSimd.WidenFirst(panel + lanes), y1);
            y2 = TSimd.MultiplyAdd(last, TSimd.WidenFirst(panel + (2 * lanes)), y2);
            y3 = TSimd.MultiplyAdd(last, TSimd.WidenFirst(other), y3);
            y4 = TSimd.MultiplyAdd(last, TSimd.WidenFirst(other + lanes), y4);
            y5 = TSimd.MultiplyAdd(last, TSimd.WidenFirst(other + (2 * lanes)), y5);
        }

        TSimd.Store(y0, y);
        TSimd.Store(y1, y + lanes);
        TSimd.Store(y2, y + (2 * lanes));
        TSimd.Store(y3, y + (3 * lanes));
        TSimd.Store(y4, y + (4 * lanes));
        TSimd.Store(y5, y + (5 * lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyOne(int depth, float* x, uint* panel, float* y)
    {
        int lanes = TSimd.Lanes;
        TVector y0 = TSimd.Zero, y1 = TSimd.Zero, y2 = TSimd.Zero;
        int k = 0;
        for (; k + 2 <= depth; k += 2)
        {
            TVector first = TSimd.Broadcast(x[k]), second = TSimd.Broadcast(x[k + 1]);
            y0 = TSimd.MultiplyAdd(first, TSimd.WidenFirst(panel), y0);
            y1 = TSimd.MultiplyAdd(first, TSimd.WidenFirst(panel + lanes), y1);
            y2 = TSimd.MultiplyAdd(first, TSimd.WidenFirst(panel + (2 * lanes)), y2);
            y0 = TSimd.MultiplyAdd(second, TSimd.WidenSecond(panel), y0);
            y1 = TSimd.MultiplyAdd(second, TSimd.WidenSecond(panel + lanes), y1);
            y2 = TSimd.MultiplyAdd(second, TSimd.WidenSecond(panel + (2 * lanes)), y2);
            panel += 3 * lanes;
        }

        if (k < depth)
        {
            TVector last = TSimd.Broadcast(x[k]);
            y0 = TSimd.MultiplyAdd(last, TSimd.WidenFirst(panel), y0);
            y1 = TSimd.MultiplyAdd(last, TSimd.WidenFirst(panel + lanes), y1);
            y2 = TSimd.MultiplyAdd(last, TSimd.WidenFirst(panel + (2 * lanes)), y2);
        }

        TSimd.Store(y0, y);
        TSimd.Store(y1, y + lanes);
        TSimd.Store(y2, y + (2 * lanes));
    }

    /// <summary>Widens pairs of steps to single precision, one step after the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen(int pairCount, uint* panel, float* destination)
    {
        int lanes = TSimd.Lanes, width = 3 * lanes;
        for (int pair = 0; pair < pairCount; pair++)
        {
            for (int column = 0; column < width; column += lanes)
            {
                TSimd.Store(TSimd.WidenFirst(panel + column), destination + column);
                TSimd.Store(TSimd.WidenSecond(panel + column), destination + width + column);
            }

            panel += width;
            destination += 2 * width;
        }
    }
}
