using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>The heavy kernels compiled for one register width.</summary>
internal sealed unsafe class KernelSet<TSimd, TVector> : KernelSet
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    public override int Lanes => TSimd.Lanes;

    public override void MultiplyTile(int depth, float* a, nint lda, float* panel, float* c, nint ldc, bool accumulate) =>
        TileProduct<TSimd, TVector>.MultiplyWide<MatrixRows>(depth, a, lda, panel, c, ldc, accumulate);

    public override void MultiplyStrip(int depth, float* strip, float* panel, float* c, nint ldc, bool accumulate) =>
        TileProduct<TSimd, TVector>.MultiplyWide<StripRows>(depth, strip, 0, panel, c, ldc, accumulate);

    public override void MultiplyVector(int depth, float* x, float* panels, long stride, int count, float* y) =>
        VectorProduct<TSimd, TVector>.Multiply(depth, x, panels, stride, count, y);

    public override void MultiplyVectorBFloat16(int depth, float* x, uint* panels, long stride, int count, float* y) =>
        VectorProductBFloat16<TSimd, TVector>.Multiply(depth, x, panels, stride, count, y);

    public override void WidenPanel(int pairCount, uint* panel, float* destination) =>
        VectorProductBFloat16<TSimd, TVector>.Widen(pairCount, panel, destination);

    public override void AddWeightedRows(int depth, float* weights, nint ldw, float* rows, nint stride, float* y, int columns) =>
        AddStridedWeightedRows(depth, weights, ldw, 1, rows, stride, y, columns);

    public override void AddStridedWeightedRows(
        int depth, float* weights, nint rowStride, nint stepStride, float* rows, nint stride, float* y, int columns)
    {
        for (int column = 0; column < columns; column += ValueWidth)
        {
            TileProduct<TSimd, TVector>.MultiplyNarrow(
                depth, weights, rowStride, stepStride, rows + column, stride, y + column, columns, accumulate: true);
        }
    }

    public override void AddWeightedRow(int depth, float* weights, float* rows, nint stride, float* y, int columns) =>
        VectorProduct<TSimd, TVector>.AddWeightedRows(depth, weights, rows, stride, y, columns);

    public override string ToString() => $"{32 * Lanes} bits";
}
