using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>The right operand B of a product A · B, (depth, columns), in panels of some columns.</summary>
internal unsafe interface IPanels
{
    /// <summary>Columns of B.</summary>
    int Columns { get; }

    /// <summary>Columns of a panel.</summary>
    int Width { get; }

    /// <summary>The size of the scratch that a thread needs.</summary>
    int ScratchLength { get; }

    /// <summary>
    /// Prepares a panel before a thread multiplies with it; called again only after another panel was prepared.
    /// </summary>
    void Prepare(int panel, float* scratch);

    /// <summary>Multiplies a block of rows with a panel: tile (rows × <see cref="Width"/>) = A · panel.</summary>
    /// <param name="kernels">The kernels.</param>
    /// <param name="a">All of A.</param>
    /// <param name="firstRow">First row of the block.</param>
    /// <param name="rows">Rows of the block, at most <see cref="BlockedProduct.RowsPerBlock"/>.</param>
    /// <param name="panel">Index of the panel.</param>
    /// <param name="scratch">The scratch that was passed to <see cref="Prepare"/>.</param>
    /// <param name="tile">Receives the sums, with room for whole tiles of 8 rows.</param>
    void Multiply(KernelSet kernels, Matrix a, int firstRow, int rows, int panel, float* scratch, float* tile);
}

/// <summary>Uses a product's sums while they are in the cache.</summary>
internal unsafe interface ISink
{
    /// <summary>Receives the sums of the columns column … column + count − 1 of a row.</summary>
    void Take(float* sums, int row, int column, int count);
}

/// <summary>The blocked matrix product that all code uses, on all threads.</summary>
/// <remarks>
/// A is split into blocks of at most 128 rows, which fit in the L2 cache together with a panel of B. A panel is
/// processed in slices of depth 768, 147 KB at 48 columns, while the rows stream past it; sums accumulate in a tile of
/// 128 rows. Every sum runs over k in order, whichever thread computes it.
/// </remarks>
internal static unsafe class BlockedProduct
{
    /// <summary>Rows of A that share a panel in the cache.</summary>
    public const int RowsPerBlock = 128;

    /// <summary>Steps of k per slice of a panel.</summary>
    public const int DepthPerPass = 768;

    private const int TileRows = KernelSet.TileRows;
    private const int PackingDepth = 64;
    private const int PackingDistance = 24; // rows that are prefetched

    /// <summary>A · B.</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="a">(rows, depth); readable up to the next multiple of 8 rows.</param>
    /// <param name="b">(depth, columns).</param>
    /// <param name="sink">Receives the sums.</param>
    public static void Run<TPanels, TSink>(Compute compute, Matrix a, TPanels b, TSink sink)
        where TPanels : struct, IPanels
        where TSink : struct, ISink
    {
        a.AssertReadable(KernelSet.RoundUpToTiles(a.Rows));
        int width = b.Width, panelCount = (b.Columns + width - 1) / width, rowBlocks = (a.Rows + RowsPerBlock - 1) / RowsPerBlock;

        // Blocks of rows that share a panel follow each other, so that the panel is prepared and read from memory once.
        compute.ForRanges(panelCount * rowBlocks, (first, end) =>
        {
            float* tile = ThreadScratch.Get((RowsPerBlock * width) + b.ScratchLength);
            float* scratch = tile + (RowsPerBlock * width);
            int prepared = -1;
            for (int i = first; i < end; i++)
            {
                var (panel, block) = Math.DivRem(i, rowBlocks);
                if (panel != prepared) b.Prepare(panel, scratch);
                prepared = panel;

                int row = block * RowsPerBlock, rows = Math.Min(RowsPerBlock, a.Rows - row);
                b.Multiply(compute.Kernels, a, row, rows, panel, scratch, tile);
                int column = panel * width, columns = Math.Min(width, b.Columns - column);
                for (int each = 0; each < rows; each++) sink.Take(tile + (each * width), row + each, column, columns);
            }
        },
        work: (double)a.Rows * a.Columns * b.Columns);
    }

    /// <summary>
    /// C += Aᵀ · B, the form of a weight's gradient, where A is the outputs' gradients and B the inputs.
    /// </summary>
    /// <remarks>
    /// Each thread packs a block of A's columns into strips of 8 columns, [n][8], in its own memory, and multiplies it
    /// with panel after panel, directly into C. Every sum runs over n in order.
    /// </remarks>
    /// <param name="compute">What to run on.</param>
    /// <param name="a">(N, out).</param>
    /// <param name="panels">B (N, in), packed by <see cref="PackPanels"/>.</param>
    /// <param name="c">(out, in); is added to.</param>
    /// <param name="sums">
    /// (out); the sums of A's columns, each over n in order, are added to them. <see langword="null"/> if they are not needed.
    /// </param>
    public static void AddTransposed(Compute compute, Matrix a, float* panels, Matrix c, float* sums)
    {
        var kernels = compute.Kernels;
        int width = kernels.PanelWidth, panelCount = (c.Columns + width - 1) / width,
            blocks = (a.Columns + RowsPerBlock - 1) / RowsPerBlock;
        int depth = a.Rows;
        compute.ForRanges(blocks * panelCount, (first, end) =>
        {
            float* tile = ThreadScratch.Get((TileRows * width) + (RowsPerBlock * depth));
            float* strips = tile + (TileRows * width);
            int packed = -1;
            for (int i = first; i < end; i++)
            {
                var (block, panel) = Math.DivRem(i, panelCount);
                int firstRow = block * RowsPerBlock, rows = Math.Min(RowsPerBlock, c.Rows - firstRow);
                if (block != packed) PackStrips(a.SliceColumns(firstRow, rows), strips);
                if (panel == 0 && sums is not null) AddStripSums(strips, depth, rows, sums + firstRow);
                packed = block;

                int column = panel * width, columns = Math.Min(width, c.Columns - column);
                float* b = panels + ((nint)panel * width * depth);
                for (int k = 0; k < depth; k += DepthPerPass)
                {
                    int steps = Math.Min(DepthPerPass, depth - k);
                    for (int row = 0; row < rows; row += TileRows)
                    {
                        float* strip = strips + ((nint)row * depth) + (k * TileRows);
                        float* target = c.Row(firstRow + row) + column;
                        AddTile(kernels, steps, strip, b + (k * width), target, c.Stride, Math.Min(TileRows, rows - row), columns, tile);
                    }
                }
            }
        },
        work: (double)a.Rows * a.Columns * c.Columns);
    }

    /// <summary>
    /// Returns the size of the memory that <see cref="PackPanels"/> needs for a (rows, columns) matrix.
    /// </summary>
    public static long PanelsLengthOf(int rows, int columns, KernelSet kernels) =>
        (long)rows * ((columns + kernels.PanelWidth - 1) / kernels.PanelWidth * kernels.PanelWidth);

    /// <summary>Packs the right operand of <see cref="AddTransposed"/> into panels.</summary>
    public static void PackPanels(Compute compute, Matrix b, float* panels)
    {
        var source = new MatrixPanels(b, compute.Kernels);
        compute.ForEach(
            (b.Columns + source.Width - 1) / source.Width,
            panel => source.Prepare(panel, panels + ((nint)panel * source.Width * b.Rows)));
    }

    /// <summary>Multiplies a block of rows with a panel packed as [k][width].</summary>
    public static void Multiply(KernelSet kernels, Matrix a, int firstRow, int rows, float* panel, float* tile)
    {
        for (int k = 0; k < a.Columns; k += DepthPerPass)
        {
            MultiplyPass(kernels, a, firstRow, rows, k, Math.Min(DepthPerPass, a.Columns - k), panel + (k * kernels.PanelWidth), tile);
        }
    }

    /// <summary>
    /// Multiplies some steps of k of a block of rows with a panel; every pass except the first adds to the tile.
    /// </summary>
    public static void MultiplyPass(KernelSet kernels, Matrix a, int firstRow, int rows, int k, int steps, float* panel, float* tile)
    {
        Debug.Assert(rows <= RowsPerBlock && steps <= DepthPerPass, "The block would not stay in the cache.");
        int width = kernels.PanelWidth;
        for (int row = 0; row < rows; row += TileRows)
        {
            kernels.MultiplyTile(steps, a.Row(firstRow + row) + k, a.Stride, panel, tile + (row * width), width, accumulate: k > 0);
        }
    }

    private static void AddTile(
        KernelSet kernels, int depth, float* strip, float* panel, float* target, nint stride, int rows, int columns, float* tile)
    {
        int width = kernels.PanelWidth;
        if (rows == TileRows && columns == width)
        {
            kernels.MultiplyStrip(depth, strip, panel, target, stride, accumulate: true);
            return;
        }

        kernels.MultiplyStrip(depth, strip, panel, tile, width, accumulate: false);
        for (int row = 0; row < rows; row++) Row.AddTo(tile + (row * width), target + (row * stride), columns);
    }

    // Only the thread with the first panel of a block adds its sums.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddStripSums(float* strips, int depth, int columns, float* sums)
    {
        for (int column = 0; column < columns; column += TileRows)
        {
            var sum = Vector256<float>.Zero;
            for (int n = 0; n < depth; n++, strips += TileRows) sum += Vector256.Load(strips);
            for (int i = 0; i < Math.Min(TileRows, columns - column); i++) sums[column + i] += sum[i];
        }
    }

    // Two strips at a time, which are a cache line of each row. The rows are pages apart, so they are prefetched.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackStrips(Matrix a, float* strips)
    {
        const int Pair = 2 * TileRows;
        nint stripLength = (nint)TileRows * a.Rows, ahead = PackingDistance * a.Stride;
        for (int start = 0; start < a.Rows; start += PackingDepth)
        {
            int end = Math.Min(start + PackingDepth, a.Rows), column = 0;
            for (; column + Pair <= a.Columns; column += Pair)
            {
                float* source = a.Row(start) + column, target = strips + ((nint)column * a.Rows) + (start * TileRows);
                for (int n = start; n < end; n++, source += a.Stride, target += TileRows)
                {
                    Row.Prefetch(source + ahead);
                    Vector256.Load(source).Store(target);
                    Vector256.Load(source + TileRows).Store(target + stripLength);
                }
            }

            for (; column < a.Columns; column += TileRows)
            {
                int count = Math.Min(TileRows, a.Columns - column);
                float* target = strips + ((nint)column * a.Rows) + (start * TileRows);
                for (int n = start; n < end; n++, target += TileRows)
                {
                    Row.Copy(a.Row(n) + column, target, count);
                    if (count < TileRows) Row.Clear(target + count, TileRows - count);
                }
            }
        }
    }
}
