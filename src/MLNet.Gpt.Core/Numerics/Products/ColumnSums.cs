using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>The gradient of a bias: the sums of the columns of the outputs' gradients, each over the rows in order.</summary>
internal static unsafe class ColumnSums
{
    private const int ColumnsPerPiece = 64;

    /// <summary>sums += Σ over rows.</summary>
    public static void Add(Compute compute, Matrix rows, float* sums) => compute.ForEach((rows.Columns + ColumnsPerPiece - 1) / ColumnsPerPiece, piece =>
    {
        int column = piece * ColumnsPerPiece, end = Math.Min(rows.Columns, column + ColumnsPerPiece);
        for (; column < end; column += Lanes.Count) AddStretch(rows.SliceColumns(column, Math.Min(Lanes.Count, end - column)), sums + column);
    });

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddStretch(Matrix rows, float* sums)
    {
        var sum = Vector512<float>.Zero;
        for (int row = 0; row < rows.Rows; row++) sum += Row.Load(rows.Row(row), 0, rows.Columns);
        Row.Store(Row.Load(sums, 0, rows.Columns) + sum, sums, 0, rows.Columns);
    }
}
