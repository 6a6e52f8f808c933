using MLNet.Gpt.Inference.Kernels;
using MLNet.Gpt.Inference.Threading;

namespace MLNet.Gpt.Inference;

/// <summary>What becomes of a product's sums.</summary>
internal enum ProductTarget
{
    /// <summary>They replace the destination.</summary>
    Store,

    /// <summary>Their GELU replaces the destination.</summary>
    StoreGelu,

    /// <summary>They are added to the destination, the residual stream.</summary>
    Add,
}

/// <summary>Activations times a packed matrix plus bias, on all threads.</summary>
/// <remarks>
/// Work is cut into rows of at most 128 (which with a panel fit the second-level cache) times a few panels. A panel passes through in
/// depths of 768, 147 KB at 48 columns, while the rows stream past it; sums wait in a tile of 128 × 48.
/// </remarks>
internal static unsafe class MatrixProduct
{
    private const int RowsPerUnit = 128;
    private const int DepthPerPass = 768;
    private const int LongestTile = RowsPerUnit * 48;
    private const int UnitsPerThread = 8;

    /// <summary>Numbers of scratch that <see cref="MultiplyPanel"/> needs.</summary>
    public const int ScratchLength = LongestTile + (DepthPerPass * 48);

    /// <summary>destination (rows × outputs) = or += input (rows × depth) · matrixᵀ + bias.</summary>
    /// <remarks>The input's rows are padded to whole tiles of 8. At Int8, <paramref name="quantised"/> has room for the rows in bytes.</remarks>
    public static void Run(
        ModelWeights weights, PackedMatrix matrix, float* input, nint inputStride, int rows, byte* quantised,
        float* destination, nint destinationStride, ProductTarget target, int threadCount)
    {
        if (matrix.Precision == WeightPrecision.Int8) Quantise(matrix.Depth, input, inputStride, rows, quantised, threadCount);
        int rowUnits = (rows + RowsPerUnit - 1) / RowsPerUnit;
        int panelsPerUnit = Math.Max(1, matrix.PanelCount * rowUnits / (threadCount * UnitsPerThread));
        int panelUnits = (matrix.PanelCount + panelsPerUnit - 1) / panelsPerUnit;
        var kernels = weights.Kernels;
        WorkerTeam.Run(rowUnits * panelUnits, threadCount, unit =>
        {
            int firstRow = unit / panelUnits * RowsPerUnit, count = Math.Min(RowsPerUnit, rows - firstRow);
            int firstPanel = unit % panelUnits * panelsPerUnit, endPanel = Math.Min(matrix.PanelCount, firstPanel + panelsPerUnit);
            float* scratch = ThreadScratch.Get(ScratchLength);
            byte* bytes = quantised + ((long)firstRow * QuantisedRow.StrideOf(matrix.Depth));
            for (int panel = firstPanel; panel < endPanel; panel++)
            {
                MultiplyPanel(kernels, matrix, panel, input + (firstRow * inputStride), inputStride, count, bytes, scratch);
                int column = panel * matrix.PanelWidth, valid = Math.Min(matrix.PanelWidth, matrix.Outputs - column);
                Finish(scratch, matrix.PanelWidth, count, valid, matrix.Bias + column, destination + (firstRow * destinationStride) + column, destinationStride, target);
            }
        });
    }

    /// <summary>Turns rows into bytes with scales.</summary>
    public static void Quantise(int depth, float* input, nint inputStride, int rows, byte* quantised, int threadCount)
    {
        int stride = QuantisedRow.StrideOf(depth);
        WorkerTeam.Run(rows, rows < 4 ? 1 : threadCount, row => QuantisedRow.Quantise(input + (row * inputStride), depth, quantised + ((long)row * stride)));
    }

    /// <summary>tile (rows × panel width) = input · panel, at most 128 rows.</summary>
    public static void MultiplyPanel(
        KernelSet kernels, PackedMatrix matrix, int panel, float* input, nint inputStride, int rows, byte* quantised, float* tile)
    {
        int depth = matrix.Depth, width = matrix.PanelWidth;
        byte* data = matrix.Panel(panel);
        if (matrix.Precision == WeightPrecision.Int8)
        {
            int stride = QuantisedRow.StrideOf(depth);
            float* scales = matrix.Scales + (panel * width);
            for (int row = 0; row < rows; row++) Int8Product.Multiply(depth, quantised + ((long)row * stride), data, scales, tile + (row * width));
            return;
        }

        bool half = matrix.Precision == WeightPrecision.BFloat16;
        if (rows == 1)
        {
            if (half) kernels.MultiplyVectorBFloat16(depth, input, (uint*)data, tile);
            else kernels.MultiplyVector(depth, input, (float*)data, tile);
            return;
        }

        float* widened = tile + LongestTile;
        for (int k = 0; k < depth; k += DepthPerPass)
        {
            int count = Math.Min(DepthPerPass, depth - k);
            float* steps = (float*)data + ((long)k * width);
            if (half)
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

    private static void Finish(
        float* tile, int width, int rows, int valid, float* bias, float* destination, nint stride, ProductTarget target)
    {
        for (int row = 0; row < rows; row++, tile += width, destination += stride)
        {
            switch (target)
            {
                case ProductTarget.Add:
                    for (int i = 0; i < valid; i++) destination[i] += tile[i] + bias[i];
                    break;
                default:
                    for (int i = 0; i < valid; i++) destination[i] = tile[i] + bias[i];
                    if (target == ProductTarget.StoreGelu) Gelu.Apply(destination, valid);
                    break;
            }
        }
    }
}
