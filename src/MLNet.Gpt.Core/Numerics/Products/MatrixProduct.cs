using MLNet.Gpt.Configuration;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Threading;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>Activations times a packed matrix, on all threads.</summary>
/// <remarks>
/// With one row, reading the matrix takes most of the time, so threads take ranges of panels. Several rows use a
/// <see cref="BlockedProduct"/>.
/// </remarks>
internal static unsafe class MatrixProduct
{
    private const int LongestTile = BlockedProduct.RowsPerBlock * 48;

    /// <summary>The size of the scratch that <see cref="MultiplyPanel"/> needs.</summary>
    public const int ScratchLength = LongestTile + PackedPanels.WidenedLength;

    /// <summary>
    /// Multiplies x (rows, depth) with the transposed matrix; the sink receives the sums, (rows, outputs).
    /// </summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="matrix">The matrix.</param>
    /// <param name="x">The inputs; readable up to the next multiple of 8 rows.</param>
    /// <param name="quantized">If the matrix takes bytes, room for the rows as bytes.</param>
    /// <param name="sink">Receives the sums.</param>
    public static void Run<TSink>(Compute compute, PackedMatrix matrix, Matrix x, byte* quantized, TSink sink)
        where TSink : struct, ISink
    {
        if (matrix.TakesBytes) Quantize(matrix, x.Data, x.Stride, x.Rows, quantized, compute.ThreadCount);
        if (matrix.Parts.Count == 0)
        {
            Multiply(compute, matrix, x, quantized, sink);
            return;
        }

        int first = 0;
        foreach (var part in matrix.Parts)
        {
            Multiply(compute, part, x, quantized, new PartSink<TSink>(sink, first));
            first += part.Outputs;
        }
    }

    private static void Multiply<TSink>(Compute compute, PackedMatrix matrix, Matrix x, byte* quantized, TSink sink)
        where TSink : struct, ISink
    {
        if (x.Rows > 1)
        {
            BlockedProduct.Run(compute, x, new PackedPanels(matrix, quantized), sink);
            return;
        }

        var kernels = compute.Kernels;
        int width = matrix.PanelWidth, most = LongestTile / width;
        compute.ForRanges(matrix.PanelCount, (first, end) =>
        {
            float* sums = ThreadScratch.Get(ScratchLength);
            for (int panel = first; panel < end; panel += most)
            {
                int count = Math.Min(most, end - panel), column = panel * width;
                MultiplyVector(kernels, matrix, panel, count, x.Data, quantized, sums);
                sink.Take(sums, 0, column, Math.Min(count * width, matrix.Outputs - column));
            }
        },
        work: (double)matrix.Depth * matrix.Outputs);
    }

    /// <summary>Quantizes rows to bytes with scales, for products with a matrix.</summary>
    public static void Quantize(PackedMatrix matrix, float* input, nint inputStride, int rows, byte* quantized, int threadCount)
    {
        int depth = matrix.Depth, stride = QuantizedRow.StrideOf(depth), blocksPerScale = matrix.RowBlocksPerScale;
        WorkerTeam.Run(
            rows, rows < 8 ? 1 : threadCount,
            row => QuantizedRow.Quantize(input + (row * inputStride), depth, quantized + ((long)row * stride), blocksPerScale));
    }

    /// <summary>y (panels × panel width) = one row · panels.</summary>
    public static void MultiplyVector(KernelSet kernels, PackedMatrix matrix, int panel, int count, float* input, byte* quantized, float* y)
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
            case WeightPrecision.Int4:
                for (int i = 0; i < count; i++) Q4Product.Multiply(kernels, matrix, panel + i, quantized, 1, null, y + (i * width));
                break;
            case WeightPrecision.Int8 when matrix.Blocks == StoredBlocks.Q6_K:
                for (int i = 0; i < count; i++)
                {
                    KProduct<Q6KBlock>.Multiply(kernels, matrix, panel + i, quantized, 1, null, y + (i * width));
                }

                break;
            case WeightPrecision.Int8 when matrix.Blocks == StoredBlocks.Q5_K:
                for (int i = 0; i < count; i++)
                {
                    KProduct<Q5KBlock>.Multiply(kernels, matrix, panel + i, quantized, 1, null, y + (i * width));
                }

                break;
            case WeightPrecision.Int8:
                for (int i = 0; i < count; i++) Int8Product.Multiply(kernels, matrix, panel + i, quantized, 1, null, y + (i * width));
                break;
            default:
                throw Check.Undefined(matrix.Precision, nameof(matrix));
        }
    }

    /// <summary>tile (rows × panel width) = input · panel, for at most 128 rows; the input is readable in whole tiles of 8 rows.</summary>
    public static void MultiplyPanel(
        KernelSet kernels, PackedMatrix matrix, int panel, float* input, nint inputStride, int rows, byte* quantized, float* tile)
    {
        var x = new Matrix(input, rows, matrix.Depth, inputStride);
        new PackedPanels(matrix, quantized).Multiply(kernels, x, 0, rows, panel, tile + LongestTile, tile);
    }
}
