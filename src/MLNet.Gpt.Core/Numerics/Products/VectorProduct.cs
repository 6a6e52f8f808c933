using System.Runtime.CompilerServices;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>
/// One row times panels of weights. This is where generating token by token spends its time, reading memory.
/// </summary>
/// <remarks>Sums run over k in order, as in <see cref="TileProduct{TSimd, TVector}"/>, so both give the same bits.</remarks>
internal static unsafe class VectorProduct<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    /// <summary>
    /// y (panels × 3 registers) = x (depth) · panels, which are <paramref name="stride"/> numbers apart.
    /// </summary>
    public static void Multiply(int depth, float* x, float* panels, long stride, int count, float* y)
    {
        int width = 3 * TSimd.Lanes;
        for (; count >= 2; count -= 2, panels += 2 * stride, y += 2 * width) MultiplyTwo(depth, x, panels, panels + stride, y);
        if (count > 0) MultiplyOne(depth, x, panels, y);
    }

    // Two panels at once are two streams to prefetch, which is about a tenth faster than one.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyTwo(int depth, float* x, float* panel, float* other, float* y)
    {
        int lanes = TSimd.Lanes;
        TVector y0 = TSimd.Zero, y1 = TSimd.Zero, y2 = TSimd.Zero, y3 = TSimd.Zero, y4 = TSimd.Zero, y5 = TSimd.Zero;
        for (int k = 0; k < depth; k++)
        {
            TVector value = TSimd.Broadcast(x[k]);
            y0 = TSimd.MultiplyAdd(value, TSimd.Load(panel), y0);
            y1 = TSimd.MultiplyAdd(value, TSimd.Load(panel + lanes), y1);
            y2 = TSimd.MultiplyAdd(value, TSimd.Load(panel + (2 * lanes)), y2);
            y3 = TSimd.MultiplyAdd(value, TSimd.Load(other), y3);
            y4 = TSimd.MultiplyAdd(value, TSimd.Load(other + lanes), y4);
            y5 = TSimd.MultiplyAdd(value, TSimd.Load(other + (2 * lanes)), y5);
            panel += 3 * lanes;
            other += 3 * lanes;
        }

        TSimd.Store(y0, y);
        TSimd.Store(y1, y + lanes);
        TSimd.Store(y2, y + (2 * lanes));
        TSimd.Store(y3, y + (3 * lanes));
        TSimd.Store(y4, y + (4 * lanes));
        TSimd.Store(y5, y + (5 * lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyOne(int depth, float* x, float* panel, float* y)
    {
        int lanes = TSimd.Lanes;
        TVector y0 = TSimd.Zero, y1 = TSimd.Zero, y2 = TSimd.Zero;
        for (int k = 0; k < depth; k++)
        {
            TVector value = TSimd.Broadcast(x[k]);
            y0 = TSimd.MultiplyAdd(value, TSimd.Load(panel), y0);
            y1 = TSimd.MultiplyAdd(value, TSimd.Load(panel + lanes), y1);
            y2 = TSimd.MultiplyAdd(value, TSimd.Load(panel + (2 * lanes)), y2);
            panel += 3 * lanes;
        }

        TSimd.Store(y0, y);
        TSimd.Store(y1, y + lanes);
        TSimd.Store(y2, y + (2 * lanes));
    }

    /// <summary>y (columns) += Σ weights[k] · rows[k]: the weighted values of attention. Columns are a multiple of two registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddWeightedRows(int depth, float* weights, float* rows, nint stride, float* y, int columns)
    {
        int lanes = TSimd.Lanes;
        for (int column = 0; column < columns; column += 2 * lanes)
        {
            TVector y0 = TSimd.Load(y + column), y1 = TSimd.Load(y + column + lanes);
            float* row = rows + column;
            for (int k = 0; k < depth; k++, row += stride)
            {
                TVector weight = TSimd.Broadcast(weights[k]);
                y0 = TSimd.MultiplyAdd(weight, TSimd.Load(row), y0);
                y1 = TSimd.MultiplyAdd(weight, TSimd.Load(row + lanes), y1);
            }

            TSimd.Store(y0, y + column);
            TSimd.Store(y1, y + column + lanes);
        }
    }
}
