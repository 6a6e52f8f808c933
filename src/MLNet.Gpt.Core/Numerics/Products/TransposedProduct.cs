using System.Runtime.CompilerServices;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>
/// C += Aᵀ · B on all threads, the form of a weight's gradient: A the outputs' gradients (N, out), B the inputs (N,
/// in), C (out, in).
/// </summary>
/// <remarks>
/// B is laid out in panels first, by all threads. A thread that comes to a block of A's columns lays it out in strips
/// of 8 columns, [n][8], in memory of its own, and multiplies it with panel after panel, straight into C. Every sum
/// runs over n in order, whichever thread computes it.
/// </remarks>
internal static unsafe class TransposedProduct
{
    private const int ColumnsPerBlock = 128;
    private const int DepthPerPass = 768;
    private const int StripWidth = 8;
    private const int PackingDepth = 64;

    /// <summary>Numbers of scratch for the panels of a (rows, columns) matrix.</summary>
    public static long PanelsLengthOf(int rows, int columns, KernelSet kernels) => (long)rows * ((columns + kernels.PanelWidth - 1) / kernels.PanelWidth * kernels.PanelWidth);

    /// <summary>Lays out B in panels.</summary>
    public static void PackPanels(Compute compute, Matrix b, float* panels)
    {
        int width = compute.Kernels.PanelWidth;
        var source = new MatrixPanels(b);
        compute.ForEach((b.Columns + width - 1) / width, panel => source.Pack(panel * width, width, panels + ((nint)panel * width * b.Rows)));
    }

    /// <summary>Multiplies.</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="a">(N, out).</param>
    /// <param name="panels">B (N, in) laid out by <see cref="PackPanels"/>.</param>
    /// <param name="c">(out, in); is added to.</param>
    public static void Run(Compute compute, Matrix a, float* panels, Matrix c)
    {
        var kernels = compute.Kernels;
        int width = kernels.PanelWidth, panelCount = (c.Columns + width - 1) / width, blocks = (a.Columns + ColumnsPerBlock - 1) / ColumnsPerBlock;
        int depth = a.Rows;
        compute.ForRanges(blocks * panelCount, (first, end) =>
        {
            float* tile = ThreadScratch.Get((StripWidth * width) + (ColumnsPerBlock * depth));
            float* strips = tile + (StripWidth * width);
            int packed = -1;
            for (int i = first; i < end; i++)
            {
                var (block, panel) = Math.DivRem(i, panelCount);
                int firstRow = block * ColumnsPerBlock, rows = Math.Min(ColumnsPerBlock, c.Rows - firstRow);
                if (block != packed) PackStrips(a.SliceColumns(firstRow, rows), strips);
                packed = block;

                int column = panel * width, columns = Math.Min(width, c.Columns - column);
                float* b = panels + ((nint)panel * width * depth);
                for (int k = 0; k < depth; k += DepthPerPass)
                {
                    int steps = Math.Min(DepthPerPass, depth - k);
                    for (int row = 0; row < rows; row += StripWidth)
                    {
                        float* target = c.Row(firstRow + row) + column;
                        AddTile(kernels, steps, strips + ((nint)row * depth) + (k * StripWidth), b + (k * width), target, c.Stride, Math.Min(StripWidth, rows - row), columns, tile);
                    }
                }
            }
        });
    }

    private static void AddTile(
        KernelSet kernels, int depth, float* strip, float* panel, float* target, nint stride, int rows, int columns, float* tile)
    {
        int width = kernels.PanelWidth;
        if (rows == StripWidth && columns == width)
        {
            kernels.MultiplyStridedTile(depth, strip, 1, StripWidth, panel, target, stride, accumulate: true);
            return;
        }

        kernels.MultiplyStridedTile(depth, strip, 1, StripWidth, panel, tile, width, accumulate: false);
        for (int row = 0; row < rows; row++) Row.Add(tile + (row * width), target + (row * stride), columns);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackStrips(Matrix a, float* strips)
    {
        for (int start = 0; start < a.Rows; start += PackingDepth)
        {
            int end = Math.Min(start + PackingDepth, a.Rows);
            for (int column = 0; column < a.Columns; column += StripWidth)
            {
                int count = Math.Min(StripWidth, a.Columns - column);
                float* target = strips + ((nint)column * a.Rows) + (start * StripWidth);
                for (int n = start; n < end; n++, target += StripWidth)
                {
                    Row.Copy(a.Row(n) + column, target, count);
                    if (count < StripWidth) Row.Clear(target + count, StripWidth - count);
                }
            }
        }
    }
}
