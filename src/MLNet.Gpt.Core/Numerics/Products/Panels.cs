using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>The panels of a matrix as is, B = M; a thread packs one as [k][width] when it needs it.</summary>
internal readonly unsafe struct MatrixPanels(Matrix matrix, KernelSet kernels) : IPanels
{
    public int Columns => matrix.Columns;

    public int Width => kernels.PanelWidth;

    public int ScratchLength => matrix.Rows * kernels.PanelWidth;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Prepare(int panel, float* scratch)
    {
        int width = Width, column = panel * width, count = Math.Min(width, matrix.Columns - column);
        for (int k = 0; k < matrix.Rows; k++, scratch += width)
        {
            Row.Copy(matrix.Row(k) + column, scratch, count);
            if (count < width) Row.Clear(scratch + count, width - count);
        }
    }

    public void Multiply(KernelSet kernels, Matrix a, int firstRow, int rows, int panel, float* scratch, float* tile) =>
        BlockedProduct.Multiply(kernels, a, firstRow, rows, scratch, tile);
}

/// <summary>
/// The panels of a transposed matrix, B = Mᵀ, as which a linear layer's (out, in) weights are multiplied; a thread
/// packs one as [k][width] when it needs it.
/// </summary>
internal readonly unsafe struct TransposedPanels(Matrix matrix, KernelSet kernels) : IPanels
{
    // One cache line of each row at a time: the rows are a multiple of the cache's period apart and would evict each
    // other.
    private const int PackingDepth = 16;
    private const int Square = 4;

    public int Columns => matrix.Rows;

    public int Width => kernels.PanelWidth;

    public int ScratchLength => matrix.Columns * kernels.PanelWidth;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Prepare(int panel, float* scratch)
    {
        int width = Width, column = panel * width, count = Math.Min(width, matrix.Rows - column), depth = matrix.Columns;
        if (count < width) Row.Clear(scratch, depth * width);
        int whole = CanZip ? count / Square * Square : 0;
        for (int start = 0; start < depth; start += PackingDepth)
        {
            int end = Math.Min(start + PackingDepth, depth), wholeEnd = start + ((end - start) / Square * Square);
            for (int output = 0; output < whole; output += Square)
            {
                float* source = matrix.Row(column + output);
                int k = start;
                for (; k < wholeEnd; k += Square) TransposeSquare(source + k, matrix.Stride, scratch + ((nint)k * width) + output, width);
                for (; k < end; k++)
                {
                    for (int i = 0; i < Square; i++) scratch[((nint)k * width) + output + i] = source[(i * matrix.Stride) + k];
                }
            }

            for (int output = whole; output < count; output++)
            {
                float* source = matrix.Row(column + output);
                for (int k = start; k < end; k++) scratch[((nint)k * width) + output] = source[k];
            }
        }
    }

    public void Multiply(KernelSet kernels, Matrix a, int firstRow, int rows, int panel, float* scratch, float* tile) =>
        BlockedProduct.Multiply(kernels, a, firstRow, rows, scratch, tile);

    private static bool CanZip => Sse2.IsSupported || AdvSimd.Arm64.IsSupported;

    // 4 × 4 numbers: zipping rows 0 and 1, and 2 and 3, gives pairs of each column; zipping the pairs gives whole columns.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransposeSquare(float* source, nint sourceStride, float* target, nint targetStride)
    {
        Vector128<float> row0 = Vector128.Load(source), row1 = Vector128.Load(source + sourceStride);
        Vector128<float> row2 = Vector128.Load(source + (2 * sourceStride)), row3 = Vector128.Load(source + (3 * sourceStride));
        Vector128<double> low01 = ZipLow(row0, row1), high01 = ZipHigh(row0, row1);
        Vector128<double> low23 = ZipLow(row2, row3), high23 = ZipHigh(row2, row3);
        ZipLow(low01, low23).Store(target);
        ZipHigh(low01, low23).Store(target + targetStride);
        ZipLow(high01, high23).Store(target + (2 * targetStride));
        ZipHigh(high01, high23).Store(target + (3 * targetStride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<double> ZipLow(Vector128<float> a, Vector128<float> b) =>
        (Sse2.IsSupported ? Sse.UnpackLow(a, b) : AdvSimd.Arm64.ZipLow(a, b)).AsDouble();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<double> ZipHigh(Vector128<float> a, Vector128<float> b) =>
        (Sse2.IsSupported ? Sse.UnpackHigh(a, b) : AdvSimd.Arm64.ZipHigh(a, b)).AsDouble();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipLow(Vector128<double> a, Vector128<double> b) =>
        (Sse2.IsSupported ? Sse2.UnpackLow(a, b) : AdvSimd.Arm64.ZipLow(a, b)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipHigh(Vector128<double> a, Vector128<double> b) =>
        (Sse2.IsSupported ? Sse2.UnpackHigh(a, b) : AdvSimd.Arm64.ZipHigh(a, b)).AsSingle();
}

/// <summary>The panels of a packed matrix, B = Mᵀ, which are used as they are.</summary>
/// <param name="matrix">The matrix.</param>
/// <param name="quantized">At Int8 and Int4, all rows of A in the layout of <see cref="QuantizedRow"/>.</param>
internal readonly unsafe struct PackedPanels(PackedMatrix matrix, byte* quantized) : IPanels
{
    /// <summary>Numbers in a slice of a bfloat16 panel after widening to single precision.</summary>
    public const int WidenedLength = BlockedProduct.DepthPerPass * 48;

    public int Columns => matrix.Outputs;

    public int Width => matrix.PanelWidth;

    public int ScratchLength => matrix.Precision switch
    {
        WeightPrecision.BFloat16 => WidenedLength,
        WeightPrecision.Int8 when matrix.Blocks is StoredBlocks.Q5_K or StoredBlocks.Q6_K => KProduct<Q6KBlock>.ScratchLength,
        WeightPrecision.Int8 => Int8Tile.ScratchLength,
        WeightPrecision.Int4 => Q4Product.ScratchLength,
        _ => 0,
    };

    public void Prepare(int panel, float* scratch)
    {
    }

    public void Multiply(KernelSet kernels, Matrix a, int firstRow, int rows, int panel, float* scratch, float* tile)
    {
        switch (matrix.Precision)
        {
            case WeightPrecision.Float32:
                BlockedProduct.Multiply(kernels, a, firstRow, rows, (float*)matrix.Panel(panel), tile);
                break;
            case WeightPrecision.BFloat16:
                for (int k = 0; k < matrix.Depth; k += BlockedProduct.DepthPerPass)
                {
                    int steps = Math.Min(BlockedProduct.DepthPerPass, matrix.Depth - k);
                    kernels.WidenPanel((steps + 1) / 2, (uint*)matrix.Panel(panel) + ((long)k / 2 * matrix.PanelWidth), scratch);
                    BlockedProduct.MultiplyPass(kernels, a, firstRow, rows, k, steps, scratch, tile);
                }

                break;
            case WeightPrecision.Int4:
                Q4Product.Multiply(kernels, matrix, panel, QuantizedAt(firstRow), rows, scratch, tile);
                break;
            case WeightPrecision.Int8 when matrix.Blocks == StoredBlocks.Q6_K:
                KProduct<Q6KBlock>.Multiply(kernels, matrix, panel, QuantizedAt(firstRow), rows, scratch, tile);
                break;
            case WeightPrecision.Int8 when matrix.Blocks == StoredBlocks.Q5_K:
                KProduct<Q5KBlock>.Multiply(kernels, matrix, panel, QuantizedAt(firstRow), rows, scratch, tile);
                break;
            case WeightPrecision.Int8:
                Int8Product.Multiply(kernels, matrix, panel, QuantizedAt(firstRow), rows, scratch, tile);
                break;
            default:
                throw Check.Undefined(matrix.Precision, nameof(matrix));
        }
    }

    private byte* QuantizedAt(int row) => quantized + ((long)row * QuantizedRow.StrideOf(matrix.Depth));
}
