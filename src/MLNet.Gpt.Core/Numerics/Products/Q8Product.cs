using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>The sizes of a block of GGML's Q8_0: 32 consecutive weights of a row that share a scale.</summary>
internal static class Q8Block
{
    /// <summary>Weights per block.</summary>
    public const int Length = 32;

    /// <summary>Bytes per block in a file: a half-precision scale, then one signed byte per weight.</summary>
    public const int Size = 2 + Length;
}

/// <summary>Quantized rows times a panel of byte weights with a scale per 32 of them.</summary>
/// <remarks>
/// A panel's bytes have the layout that <see cref="Int8Product"/> needs; its scales come before them, as [block][48
/// outputs] in half precision. Within a block, sums are integers. Each block's sum, times the weights' scale times the
/// row's, is then added to a single-precision sum in the order of k. The result is therefore the same for any
/// instruction set, for one row and for many.
/// </remarks>
internal static unsafe class Q8Product
{
    private const int PanelWidth = Int8Product.PanelWidth;
    private const int StepsPerBlock = Q8Block.Length / 4;
    private const int BytesPerBlock = Q8Block.Length * PanelWidth;

    // Blocks whose scales are widened at a time: 6 KB, which stay in the L1 cache while rows stream past.
    private const int BlocksPerPass = 32;

    /// <summary>y (rows × 48) = rows · panel.</summary>
    /// <param name="depth">Inputs, a multiple of 32.</param>
    /// <param name="rows">Rows in the layout of <see cref="QuantizedRow"/>, one after the other.</param>
    /// <param name="rowCount">Number of rows.</param>
    /// <param name="scales">The panel's scales in half precision, [block][48].</param>
    /// <param name="panel">The panel's bytes.</param>
    /// <param name="y">Receives the sums, row after row.</param>
    [SkipLocalsInit]
    public static void Multiply(int depth, byte* rows, int rowCount, Half* scales, byte* panel, float* y)
    {
        float* widened = stackalloc float[BlocksPerPass * PanelWidth];
        int rowStride = QuantizedRow.StrideOf(depth), blockCount = depth / Q8Block.Length;
        for (int first = 0; first < blockCount; first += BlocksPerPass)
        {
            int count = Math.Min(BlocksPerPass, blockCount - first), numbers = count * PanelWidth;
            TensorPrimitives.ConvertToSingle(
                new ReadOnlySpan<Half>(scales + (first * PanelWidth), numbers), new Span<float>(widened, numbers));
            for (int row = 0; row < rowCount; row++)
            {
                byte* bytes = rows + ((long)row * rowStride);
                MultiplyRow(
                    first, count, bytes, QuantizedRow.ScalesOf(bytes, depth), QuantizedRow.CorrectionsOf(bytes, depth),
                    panel + ((long)first * BytesPerBlock), widened, y + (row * PanelWidth), accumulate: first > 0);
            }
        }
    }

    // y (48) = or += the product of some blocks of one row and of the panel.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyRow(
        int firstBlock, int count, byte* row, float* rowScales, int* corrections, byte* panel, float* scales, float* y, bool accumulate)
    {
        Vector256<float> y0 = default, y1 = default, y2 = default, y3 = default, y4 = default, y5 = default;
        if (accumulate)
        {
            (y0, y1, y2) = (Vector256.Load(y), Vector256.Load(y + 8), Vector256.Load(y + 16));
            (y3, y4, y5) = (Vector256.Load(y + 24), Vector256.Load(y + 32), Vector256.Load(y + 40));
        }

        for (int block = firstBlock; block < firstBlock + count; block++)
        {
            Vector256<int> s0 = Vector256.Create(corrections[block]), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0;
            int* four = (int*)row + (block * StepsPerBlock);
            for (int* end = four + StepsPerBlock; four < end; four++)
            {
                var x = Vector256.Create(*four).AsSByte();
                s0 = Int8Product.MultiplyAddFours(s0, Vector256.Load(panel), x);
                s1 = Int8Product.MultiplyAddFours(s1, Vector256.Load(panel + 32), x);
                s2 = Int8Product.MultiplyAddFours(s2, Vector256.Load(panel + 64), x);
                s3 = Int8Product.MultiplyAddFours(s3, Vector256.Load(panel + 96), x);
                s4 = Int8Product.MultiplyAddFours(s4, Vector256.Load(panel + 128), x);
                s5 = Int8Product.MultiplyAddFours(s5, Vector256.Load(panel + 160), x);
                panel += 4 * PanelWidth;
            }

            var scale = Vector256.Create(rowScales[block * Q8Block.Length / QuantizedRow.BlockLength]);
            y0 = Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(s0), scale * Vector256.Load(scales), y0);
            y1 = Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(s1), scale * Vector256.Load(scales + 8), y1);
            y2 = Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(s2), scale * Vector256.Load(scales + 16), y2);
            y3 = Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(s3), scale * Vector256.Load(scales + 24), y3);
            y4 = Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(s4), scale * Vector256.Load(scales + 32), y4);
            y5 = Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(s5), scale * Vector256.Load(scales + 40), y5);
            scales += PanelWidth;
        }

        y0.Store(y);
        y1.Store(y + 8);
        y2.Store(y + 16);
        y3.Store(y + 24);
        y4.Store(y + 32);
        y5.Store(y + 40);
    }
}
