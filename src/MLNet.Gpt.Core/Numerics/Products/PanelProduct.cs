using MLNet.Gpt.Numerics.Memory;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>A · B by panels of B, on all threads.</summary>
/// <remarks>
/// A thread that comes to a panel lays it out in memory of its own, which then stays in the second-level cache while
/// blocks of rows stream past. A panel is used in depths of 768 (147 KB at 48 columns), the sums waiting in a tile of
/// 128 rows. Every sum runs over k in order, whichever thread computes it.
/// </remarks>
internal static unsafe class PanelProduct
{
    private const int RowsPerBlock = 128;
    private const int DepthPerPass = 768;
    private const int TileRows = 8;

    /// <summary>Multiplies.</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="a">(rows, depth); readable up to the next multiple of 8 rows.</param>
    /// <param name="b">(depth, columns).</param>
    /// <param name="sink">Takes the sums.</param>
    public static void Run<TPanels, TSink>(Compute compute, Matrix a, TPanels b, TSink sink)
        where TPanels : struct, IPanelSource
        where TSink : struct, ITileSink
    {
        var kernels = compute.Kernels;
        int width = kernels.PanelWidth, panelCount = (b.Columns + width - 1) / width, rowBlocks = (a.Rows + RowsPerBlock - 1) / RowsPerBlock;
        compute.ForRanges(panelCount * rowBlocks, (first, end) =>
        {
            float* tile = ThreadScratch.Get((RowsPerBlock + a.Columns) * width);
            float* panel = tile + (RowsPerBlock * width);
            int packed = -1;
            for (int i = first; i < end; i++)
            {
                var (index, block) = Math.DivRem(i, rowBlocks);
                int column = index * width, count = Math.Min(width, b.Columns - column);
                if (index != packed) b.Pack(column, width, panel);
                packed = index;

                int firstRow = block * RowsPerBlock, rows = Math.Min(RowsPerBlock, a.Rows - firstRow);
                for (int k = 0; k < a.Columns; k += DepthPerPass)
                {
                    int depth = Math.Min(DepthPerPass, a.Columns - k);
                    for (int row = 0; row < rows; row += TileRows)
                    {
                        kernels.MultiplyTile(depth, a.Row(firstRow + row) + k, a.Stride, panel + (k * width), tile + (row * width), width, accumulate: k > 0);
                    }
                }

                for (int row = 0; row < rows; row++) sink.Take(tile + (row * width), firstRow + row, column, count);
            }
        });
    }
}
