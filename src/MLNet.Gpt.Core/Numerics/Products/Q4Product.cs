using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>Quantized rows times a panel of 4-bit weights, <see cref="Q4Block"/>.</summary>
/// <remarks>
/// A panel begins with its scales and its minimums, each as [block][48 outputs] in half precision. A block of nibbles is
/// [group of four k][48 outputs][4]; the lower nibbles are the block's first 16 steps of k, the upper ones its last 16.
/// The nibbles of some blocks are unpacked into the L1 cache, and rows stream past them. Within a block, sums of
/// nibbles times the row's bytes are integers: a pair is at most 2 × 15 × 127, so eight of them fit in 16 bits. Each
/// block adds d × the row's scale × this sum, and m × the row's scale × the sum of the row's bytes, to a
/// single-precision sum in the order of k. The result is therefore the same for any instruction set, for one row and for
/// many.
/// </remarks>
internal static unsafe class Q4Product
{
    private const int PanelWidth = Int8Product.PanelWidth;
    private const int BytesPerBlock = Q4Block.Length * PanelWidth;

    // Unpacked, they take 24 KB, and their scales and minimums 6 KB.
    private const int BlocksPerPass = 16;

    /// <summary>y (rows × 48) = rows · panel.</summary>
    /// <param name="depth">Inputs, a multiple of 32.</param>
    /// <param name="rows">Rows in the layout of <see cref="QuantizedRow"/>, one after the other.</param>
    /// <param name="rowCount">Number of rows.</param>
    /// <param name="scales">The panel's scales and then its minimums, in half precision, each [block][48].</param>
    /// <param name="panel">The panel's nibbles.</param>
    /// <param name="y">Receives the sums, row after row.</param>
    [SkipLocalsInit]
    public static void Multiply(int depth, byte* rows, int rowCount, Half* scales, byte* panel, float* y)
    {
        float* widened = stackalloc float[2 * BlocksPerPass * PanelWidth];
        byte* bytes = stackalloc byte[BlocksPerPass * BytesPerBlock];
        int rowStride = QuantizedRow.StrideOf(depth), blockCount = depth / Q4Block.Length;
        for (int first = 0; first < blockCount; first += BlocksPerPass)
        {
            int count = Math.Min(BlocksPerPass, blockCount - first), numbers = count * PanelWidth;
            float* minimums = widened + numbers;
            Widen(scales + (first * PanelWidth), numbers, widened);
            Widen(scales + ((blockCount + first) * PanelWidth), numbers, minimums);
            Unpack(panel + ((long)first * BytesPerBlock / 2), count, bytes);
            for (int row = 0; row < rowCount; row++)
            {
                byte* x = rows + ((long)row * rowStride);
                float* rowScales = QuantizedRow.ScalesOf(x, depth);
                int* corrections = QuantizedRow.CorrectionsOf(x, depth);
                float* sums = y + (row * PanelWidth);
                if (Avx512BW.IsSupported) MultiplyRow512(first, count, x, rowScales, corrections, bytes, widened, minimums, sums);
                else MultiplyRow(first, count, x, rowScales, corrections, bytes, widened, minimums, sums);
            }
        }
    }

    private static void Widen(Half* source, int count, float* destination) =>
        TensorPrimitives.ConvertToSingle(new ReadOnlySpan<Half>(source, count), new Span<float>(destination, count));

    // To [four of k][48 outputs][4], one byte each.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Unpack(byte* nibbles, int blockCount, byte* bytes)
    {
        const int Half = BytesPerBlock / 2;
        var mask = Vector256.Create((byte)0xF);
        for (int block = 0; block < blockCount; block++, nibbles += Half, bytes += BytesPerBlock)
        {
            for (int i = 0; i < Half; i += 32)
            {
                var both = Vector256.Load(nibbles + i);
                (both & mask).Store(bytes + i);
                ((both.AsUInt16() >> 4).AsByte() & mask).Store(bytes + Half + i);
            }
        }
    }

    // y (48) = or += the product of some blocks of one row and of the panel.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyRow(
        int firstBlock, int count, byte* row, float* rowScales, int* corrections, byte* panel, float* scales, float* minimums, float* y)
    {
        Vector256<float> y0 = default, y1 = default, y2 = default, y3 = default, y4 = default, y5 = default;
        if (firstBlock > 0)
        {
            (y0, y1, y2) = (Vector256.Load(y), Vector256.Load(y + 8), Vector256.Load(y + 16));
            (y3, y4, y5) = (Vector256.Load(y + 24), Vector256.Load(y + 32), Vector256.Load(y + 40));
        }

        for (int block = firstBlock; block < firstBlock + count; block++)
        {
            Vector256<short> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default;
            int* four = (int*)row + (block * (Q4Block.Length / 4));
            for (int* end = four + (Q4Block.Length / 4); four < end; four++)
            {
                var x = Vector256.Create(*four).AsSByte();
                s0 = AddPairs(s0, Vector256.Load(panel), x);
                s1 = AddPairs(s1, Vector256.Load(panel + 32), x);
                s2 = AddPairs(s2, Vector256.Load(panel + 64), x);
                s3 = AddPairs(s3, Vector256.Load(panel + 96), x);
                s4 = AddPairs(s4, Vector256.Load(panel + 128), x);
                s5 = AddPairs(s5, Vector256.Load(panel + 160), x);
                panel += 4 * PanelWidth;
            }

            var (rowScale, rowSum) = RowFactors(rowScales, corrections, block);
            Vector256<float> scale = Vector256.Create(rowScale), sum = Vector256.Create(rowSum);
            y0 = AddBlock(s0, scale, sum, scales, minimums, y0);
            y1 = AddBlock(s1, scale, sum, scales + 8, minimums + 8, y1);
            y2 = AddBlock(s2, scale, sum, scales + 16, minimums + 16, y2);
            y3 = AddBlock(s3, scale, sum, scales + 24, minimums + 24, y3);
            y4 = AddBlock(s4, scale, sum, scales + 32, minimums + 32, y4);
            y5 = AddBlock(s5, scale, sum, scales + 40, minimums + 40, y5);
            scales += PanelWidth;
            minimums += PanelWidth;
        }

        y0.Store(y);
        y1.Store(y + 8);
        y2.Store(y + 16);
        y3.Store(y + 24);
        y4.Store(y + 32);
        y5.Store(y + 40);
    }

    // The same with twice the register width.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyRow512(
        int firstBlock, int count, byte* row, float* rowScales, int* corrections, byte* panel, float* scales, float* minimums, float* y)
    {
        Vector512<float> y0 = default, y1 = default, y2 = default;
        if (firstBlock > 0) (y0, y1, y2) = (Vector512.Load(y), Vector512.Load(y + 16), Vector512.Load(y + 32));
        var ones = Vector512.Create((short)1);
        for (int block = firstBlock; block < firstBlock + count; block++)
        {
            Vector512<short> s0 = default, s1 = default, s2 = default;
            int* four = (int*)row + (block * (Q4Block.Length / 4));
            for (int* end = four + (Q4Block.Length / 4); four < end; four++)
            {
                var x = Vector512.Create(*four).AsSByte();
                s0 += Avx512BW.MultiplyAddAdjacent(Vector512.Load(panel), x);
                s1 += Avx512BW.MultiplyAddAdjacent(Vector512.Load(panel + 64), x);
                s2 += Avx512BW.MultiplyAddAdjacent(Vector512.Load(panel + 128), x);
                panel += 4 * PanelWidth;
            }

            var (rowScale, rowSum) = RowFactors(rowScales, corrections, block);
            Vector512<float> scale = Vector512.Create(rowScale), sum = Vector512.Create(rowSum);
            Vector512<float> t0 = Vector512.ConvertToSingle(Avx512BW.MultiplyAddAdjacent(s0, ones));
            Vector512<float> t1 = Vector512.ConvertToSingle(Avx512BW.MultiplyAddAdjacent(s1, ones));
            Vector512<float> t2 = Vector512.ConvertToSingle(Avx512BW.MultiplyAddAdjacent(s2, ones));
            y0 = Vector512.MultiplyAddEstimate(t0, scale * Vector512.Load(scales), y0);
            y1 = Vector512.MultiplyAddEstimate(t1, scale * Vector512.Load(scales + 16), y1);
            y2 = Vector512.MultiplyAddEstimate(t2, scale * Vector512.Load(scales + 32), y2);
            y0 = Vector512.MultiplyAddEstimate(sum, Vector512.Load(minimums), y0);
            y1 = Vector512.MultiplyAddEstimate(sum, Vector512.Load(minimums + 16), y1);
            y2 = Vector512.MultiplyAddEstimate(sum, Vector512.Load(minimums + 32), y2);
            scales += PanelWidth;
            minimums += PanelWidth;
        }

        y0.Store(y);
        y1.Store(y + 16);
        y2.Store(y + 32);
    }

    // The scale of a block of the row, and its sum.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (float Scale, float Sum) RowFactors(float* rowScales, int* corrections, int block)
    {
        float scale = rowScales[block * Q4Block.Length / QuantizedRow.BlockLength];
        return (scale, scale * (corrections[block] / -Int8Rounding.Offset));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddBlock(
        Vector256<short> pairs, Vector256<float> rowScale, Vector256<float> rowSum, float* scales, float* minimums, Vector256<float> y)
    {
        var sums = Avx2.IsSupported
            ? Avx2.MultiplyAddAdjacent(pairs, Vector256.Create((short)1))
            : ((pairs.AsInt32() << 16) >> 16) + (pairs.AsInt32() >> 16);
        y = Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(sums), rowScale * Vector256.Load(scales), y);
        return Vector256.MultiplyAddEstimate(rowSum, Vector256.Load(minimums), y);
    }

    /// <summary>Adds to each 16-bit lane the products of its two unsigned and two signed bytes, which must fit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> AddPairs(Vector256<short> sum, Vector256<byte> unsigned, Vector256<sbyte> signed)
    {
        if (Avx2.IsSupported) return sum + Avx2.MultiplyAddAdjacent(unsigned, signed);
        var even = (unsigned.AsInt16() & Vector256.Create((short)0xFF)) * ((signed.AsInt16() << 8) >> 8);
        var odd = (unsigned.AsUInt16() >> 8).AsInt16() * (signed.AsInt16() >> 8);
        return sum + even + odd;
    }
}
