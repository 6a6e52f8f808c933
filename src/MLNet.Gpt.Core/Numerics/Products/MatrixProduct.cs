using MLNet.Gpt.Configuration;
using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Threading;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>Activations times a packed matrix plus bias, on all threads.</summary>
/// <remarks>
/// One row is a matter of reading the matrix once: threads take runs of panels. Many rows are cut into blocks of at most 128, which with a
/// panel fit the second-level cache. A panel passes through in depths of 768, 147 KB at 48 columns, while the rows stream past it; sums
/// wait in a tile of 128 × 48.
/// </remarks>
internal static unsafe class MatrixProduct
{
    private const int RowsPerBlock = BlockedProduct.RowsPerBlock;
    private const int DepthPerPass = BlockedProduct.DepthPerPass;
    private const int LongestTile = RowsPerBlock * 48;

    /// <summary>Numbers of scratch that <see cref="MultiplyPanel"/> needs.</summary>
    public const int ScratchLength = LongestTile + (DepthPerPass * 48);

    /// <summary>destination (rows × outputs) = or += input (rows × depth) · matrixᵀ + bias.</summary>
    /// <remarks>
    /// The input's rows are padded to whole tiles of 8. At Int8, <paramref name="quantised"/> has room for the rows in
    /// bytes.
    /// </remarks>
    public static void Run(
        KernelSet kernels, PackedMatrix matrix, float* input, nint inputStride, int rows, byte* quantised,
        float* destination, nint destinationStride, ProductTarget target, int threadCount)
    {
        if (matrix.Precision == WeightPrecision.Int8) Quantise(matrix.Depth, input, inputStride, rows, quantised, threadCount);
        if (rows == 1)
        {
            WorkerTeam.RunRanges(matrix.PanelCount, threadCount, (first, end) => MultiplyRow(kernels, matrix, first, end, input, quantised, destination, target));
            return;
        }

        // Blocks of rows that share a panel follow each other, so that the panel comes from memory once.
        int rowBlocks = (rows + RowsPerBlock - 1) / RowsPerBlock;
        WorkerTeam.RunRanges(rowBlocks * matrix.PanelCount, threadCount, (first, end) =>
        {
            float* tile = ThreadScratch.Get(ScratchLength);
            for (int i = first; i < end; i++)
            {
                var (panel, block) = Math.DivRem(i, rowBlocks);
                int row = block * RowsPerBlock, count = Math.Min(RowsPerBlock, rows - row);
                byte* bytes = quantised + ((long)row * QuantisedRow.StrideOf(matrix.Depth));
                MultiplyPanel(kernels, matrix, panel, input + (row * inputStride), inputStride, count, bytes, tile);

                int column = panel * matrix.PanelWidth, valid = Math.Min(matrix.PanelWidth, matrix.Outputs - column);
                Finish(tile, matrix.PanelWidth, count, valid, matrix.Bias + column, destination + (row * destinationStride) + column, destinationStride, target);
            }
        });
    }

    /// <summary>Turns rows into bytes with scales.</summary>
    public static void Quantise(int depth, float* input, nint inputStride, int rows, byte* quantised, int threadCount)
    {
        int stride = QuantisedRow.StrideOf(depth);
        WorkerTeam.Run(rows, rows < 8 ? 1 : threadCount, row => QuantisedRow.Quantise(input + (row * inputStride), depth, quantised + ((long)row * stride)));
    }

    /// <summary>y (panels × panel width) = one row · panels.</summary>
    public static void MultiplyVector(KernelSet kernels, PackedMatrix matrix, int panel, int count, float* input, byte* quantised, float* y)
    {
        int depth = matrix.Depth, width = matrix.PanelWidth;
        byte* data = matrix.Panel(panel);
        switch (matrix.Precision)
        {
            case WeightPrecision.Float32:
                kernels.MultiplyVector(depth, input, (float*)data, matrix.PanelStride / 4, count, y);
                break;
            case WeightPrecision.BFloat16:
                kernels.MultiplyVectorBFloat16(depth, input, (uint*)data, matrix.PanelStride / 4, count, y);
                break;
            case WeightPrecision.Int8 when matrix.HasBlocks:
                for (int i = 0; i < count; i++)
                {
                    Q8Product.Multiply(depth, quantised, 1, matrix.BlockScales(panel + i), matrix.BlockBytes(panel + i), y + (i * width));
                }

                break;
            case WeightPrecision.Int8:
                for (int i = 0; i < count; i++)
                {
                    Int8Product.Multiply(depth, quantised, data + (i * matrix.PanelStride), matrix.Scales + ((panel + i) * width), y + (i * width));
                }

                break;
            default:
                throw Check.Undefined(matrix.Precision, nameof(matrix));
        }
    }

    /// <summary>tile (rows × panel width) = input · panel, at most 128 rows.</summary>
    public static void MultiplyPanel(
        KernelSet kernels, PackedMatrix matrix, int panel, float* input, nint inputStride, int rows, byte* quantised, float* tile)
    {
        int depth = matrix.Depth, width = matrix.PanelWidth;
        if (matrix.HasBlocks)
        {
            Q8Product.Multiply(depth, quantised, rows, matrix.BlockScales(panel), matrix.BlockBytes(panel), tile);
            return;
        }

        if (matrix.Precision == WeightPrecision.Int8)
        {
            // The whole numbers of a row are so quick to multiply that taking rows one by one, the panel in the cache, loses nothing.
            int stride = QuantisedRow.StrideOf(depth);
            for (int row = 0; row < rows; row++) MultiplyVector(kernels, matrix, panel, 1, null, quantised + ((long)row * stride), tile + (row * width));
            return;
        }

        byte* data = matrix.Panel(panel);
        float* widened = tile + LongestTile;
        for (int k = 0; k < depth; k += DepthPerPass)
        {
            int count = Math.Min(DepthPerPass, depth - k);
            float* steps = (float*)data + ((long)k * width);
            if (matrix.Precision == WeightPrecision.BFloat16)
            {
                kernels.WidenPanel((count + 1) / 2, (uint*)data + ((long)k / 2 * width), widened);
                steps = widened;
            }

            for (int row = 0; row < rows; row += 8)
            {
                kernels.MultiplyTile(count, input + (row * inputStride) + k, inputStride, steps, tile + (row * width), width, accumulate: k > 0);
            }
        }
    }

    private static void MultiplyRow(
        KernelSet kernels, PackedMatrix matrix, int firstPanel, int endPanel, float* input, byte* quantised, float* destination, ProductTarget target)
    {
        int width = matrix.PanelWidth, most = LongestTile / width;
        float* sums = ThreadScratch.Get(ScratchLength);
        for (int panel = firstPanel; panel < endPanel; panel += most)
        {
            int count = Math.Min(most, endPanel - panel), column = panel * width;
            MultiplyVector(kernels, matrix, panel, count, input, quantised, sums);
            Finish(sums, 0, 1, Math.Min(count * width, matrix.Outputs - column), matrix.Bias + column, destination + column, 0, target);
        }
    }

    private static void Finish(
        float* tile, int width, int rows, int valid, float* bias, float* destination, nint stride, ProductTarget target)
    {
        for (int row = 0; row < rows; row++, tile += width, destination += stride)
        {
            switch (target)
            {
                case ProductTarget.Store:
                    Row.Add(tile, bias, destination, valid);
                    break;
                case ProductTarget.StoreGelu:
                    Gelu.OfSum(tile, bias, destination, valid);
                    break;
                case ProductTarget.Add:
                    Row.AddSum(destination, tile, bias, destination, valid);
                    break;
                default:
                    throw Check.Undefined(target, nameof(target));
            }
        }
    }
}
