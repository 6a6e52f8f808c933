using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>Quantized rows times a panel of 4-bit weights, <see cref="Q4Block"/>.</summary>
/// <remarks>
/// A panel begins with its scales and its minimums, each as [block][48 outputs] in half precision. A block of nibbles is
/// [group of four k][48 outputs][4]; the lower nibbles are the block's first 16 steps of k, the upper ones its last 16.
/// With one row, the nibbles are separated in registers. With several, those of some blocks are unpacked into the L1 cache,
/// and rows stream past them. Within a block, sums of nibbles times the row's bytes are integers: a pair is at most
/// 2 × 15 × 127, so eight of them fit in 16 bits. Each block adds d × the row's scale × this sum, and m × the row's scale ×
/// the sum of the row's bytes, to a single-precision sum in the order of k. The result is therefore the same for any
/// instruction set, for one row and for many.
/// </remarks>
internal static unsafe class Q4Product
{
    private const int PanelWidth = Int8Product.PanelWidth;
    private const int BytesPerBlock = Q4Block.Length * PanelWidth;
    private const int GroupBytes = 4 * PanelWidth;
    private const int Groups = 4;

    // Unpacked, they take 24 KB, and their scales and minimums 6 KB.
    private const int BlocksPerPass = 16;

    /// <summary>The size of the scratch, in single-precision numbers.</summary>
    public const int ScratchLength = (BlocksPerPass * BytesPerBlock / sizeof(float)) + (2 * BlocksPerPass * PanelWidth);

    /// <summary>y (rows × 48) = rows · panel.</summary>
    /// <param name="kernels">The kernels, which decide the register width.</param>
    /// <param name="matrix">The matrix.</param>
    /// <param name="panel">Index of the panel.</param>
    /// <param name="rows">Rows in the layout of <see cref="QuantizedRow"/>, one after the other.</param>
    /// <param name="rowCount">Number of rows.</param>
    /// <param name="scratch">For several rows, room for <see cref="ScratchLength"/> numbers.</param>
    /// <param name="y">Receives the sums, row after row.</param>
    public static void Multiply(KernelSet kernels, PackedMatrix matrix, int panel, byte* rows, int rowCount, float* scratch, float* y)
    {
        bool isWide = Avx512BW.IsSupported && kernels.Lanes == Vector512<float>.Count;
        new Span<float>(y, rowCount * PanelWidth).Clear();
        if (rowCount == 1) MultiplyRow(isWide, matrix, panel, rows, y);
        else MultiplyRows(isWide, matrix, panel, rows, rowCount, scratch, y);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyRow(bool isWide, PackedMatrix matrix, int panel, byte* row, float* y)
    {
        float* scales = stackalloc float[2 * PanelWidth], minimums = scales + PanelWidth;
        int depth = matrix.Depth, blockCount = depth / Q4Block.Length;
        byte* nibbles = matrix.BlockBytes(panel);
        for (int block = 0; block < blockCount; block++, nibbles += BytesPerBlock / 2)
        {
            matrix.WidenScales(panel, block, 1, scales, minimums);
            var (rowScale, rowSum) = RowFactors(row, depth, block);
            int* four = (int*)row + (block * 2 * Groups);
            if (isWide) MultiplyNibbles512(four, nibbles, rowScale, scales, rowSum, minimums, y);
            else MultiplyNibbles(four, nibbles, rowScale, scales, rowSum, minimums, y);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyRows(bool isWide, PackedMatrix matrix, int panel, byte* rows, int rowCount, float* scratch, float* y)
    {
        float* scales = scratch, minimums = scales + (BlocksPerPass * PanelWidth);
        byte* bytes = (byte*)(minimums + (BlocksPerPass * PanelWidth));
        int depth = matrix.Depth, blockCount = depth / Q4Block.Length, stride = QuantizedRow.StrideOf(depth);
        for (int first = 0; first < blockCount; first += BlocksPerPass)
        {
            int count = Math.Min(BlocksPerPass, blockCount - first);
            matrix.WidenScales(panel, first, count, scales, minimums);
            Unpack(matrix.BlockBytes(panel) + ((nint)first * BytesPerBlock / 2), count, bytes);
            for (int row = 0; row < rowCount; row++)
            {
                byte* x = rows + ((nint)row * stride), panelBytes = bytes;
                float* target = y + (row * PanelWidth);
                for (int block = 0; block < count; block++, panelBytes += BytesPerBlock)
                {
                    var (rowScale, rowSum) = RowFactors(x, depth, first + block);
                    int* four = (int*)x + ((first + block) * 2 * Groups);
                    int offset = block * PanelWidth;
                    if (isWide) MultiplyBytes512(four, panelBytes, rowScale, scales + offset, rowSum, minimums + offset, target);
                    else MultiplyBytes(four, panelBytes, rowScale, scales + offset, rowSum, minimums + offset, target);
                }
            }
        }
    }

    // To [four of k][48 outputs][4], one byte each.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Unpack(byte* nibbles, int blockCount, byte* bytes)
    {
        const int Half = BytesPerBlock / 2;
        for (int block = 0; block < blockCount; block++, nibbles += Half, bytes += BytesPerBlock)
        {
            for (int i = 0; i < Half; i += Vector256<byte>.Count)
            {
                var both = Vector256.Load(nibbles + i);
                Lower(both).Store(bytes + i);
                Upper(both).Store(bytes + Half + i);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> Lower(Vector256<byte> both) => both & Vector256.Create((byte)0xF);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> Upper(Vector256<byte> both) => (both.AsUInt16() >> 4).AsByte() & Vector256.Create((byte)0xF);

    // y += the product of a block of nibbles.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MultiplyNibbles(
        int* four, byte* nibbles, float rowScale, float* scales, float rowSum, float* minimums, float* y)
    {
        Vector256<short> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default;
        for (int* end = four + Groups; four < end; four++, nibbles += GroupBytes)
        {
            BlockSums.Prefetch(nibbles);
            Vector256<sbyte> x = Vector256.Create(*four).AsSByte(), z = Vector256.Create(four[Groups]).AsSByte();
            var both = Vector256.Load(nibbles);
            s0 = AddPairs(AddPairs(s0, Lower(both), x), Upper(both), z);
            both = Vector256.Load(nibbles + 32);
            s1 = AddPairs(AddPairs(s1, Lower(both), x), Upper(both), z);
            both = Vector256.Load(nibbles + 64);
            s2 = AddPairs(AddPairs(s2, Lower(both), x), Upper(both), z);
            both = Vector256.Load(nibbles + 96);
            s3 = AddPairs(AddPairs(s3, Lower(both), x), Upper(both), z);
            both = Vector256.Load(nibbles + 128);
            s4 = AddPairs(AddPairs(s4, Lower(both), x), Upper(both), z);
            both = Vector256.Load(nibbles + 160);
            s5 = AddPairs(AddPairs(s5, Lower(both), x), Upper(both), z);
        }

        Add(s0, s1, s2, s3, s4, s5, rowScale, scales, rowSum, minimums, y);
    }

    // y += the product of a block of unpacked bytes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MultiplyBytes(
        int* four, byte* bytes, float rowScale, float* scales, float rowSum, float* minimums, float* y)
    {
        Vector256<short> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default;
        for (int* end = four + (2 * Groups); four < end; four++, bytes += GroupBytes)
        {
            var x = Vector256.Create(*four).AsSByte();
            s0 = AddPairs(s0, Vector256.Load(bytes), x);
            s1 = AddPairs(s1, Vector256.Load(bytes + 32), x);
            s2 = AddPairs(s2, Vector256.Load(bytes + 64), x);
            s3 = AddPairs(s3, Vector256.Load(bytes + 96), x);
            s4 = AddPairs(s4, Vector256.Load(bytes + 128), x);
            s5 = AddPairs(s5, Vector256.Load(bytes + 160), x);
        }

        Add(s0, s1, s2, s3, s4, s5, rowScale, scales, rowSum, minimums, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(
        Vector256<short> s0, Vector256<short> s1, Vector256<short> s2, Vector256<short> s3, Vector256<short> s4, Vector256<short> s5,
        float rowScale, float* scales, float rowSum, float* minimums, float* y)
    {
        Vector256<float> scale = Vector256.Create(rowScale), sum = Vector256.Create(rowSum);
        BlockSums.Add(Widen(s0), scale, scales, sum, minimums, y);
        BlockSums.Add(Widen(s1), scale, scales + 8, sum, minimums + 8, y + 8);
        BlockSums.Add(Widen(s2), scale, scales + 16, sum, minimums + 16, y + 16);
        BlockSums.Add(Widen(s3), scale, scales + 24, sum, minimums + 24, y + 24);
        BlockSums.Add(Widen(s4), scale, scales + 32, sum, minimums + 32, y + 32);
        BlockSums.Add(Widen(s5), scale, scales + 40, sum, minimums + 40, y + 40);
    }

    // The same with twice the register width.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MultiplyNibbles512(
        int* four, byte* nibbles, float rowScale, float* scales, float rowSum, float* minimums, float* y)
    {
        Vector512<short> s0 = default, s1 = default, s2 = default, t0 = default, t1 = default, t2 = default;
        var mask = Vector512.Create((byte)0xF);
        for (int* end = four + Groups; four < end; four++, nibbles += GroupBytes)
        {
            BlockSums.Prefetch(nibbles);
            Vector512<sbyte> x = Vector512.Create(*four).AsSByte(), z = Vector512.Create(four[Groups]).AsSByte();
            Vector512<byte> a = Vector512.Load(nibbles), b = Vector512.Load(nibbles + 64), c = Vector512.Load(nibbles + 128);
            s0 += Avx512BW.MultiplyAddAdjacent(a & mask, x);
            s1 += Avx512BW.MultiplyAddAdjacent(b & mask, x);
            s2 += Avx512BW.MultiplyAddAdjacent(c & mask, x);
            t0 += Avx512BW.MultiplyAddAdjacent((a.AsUInt16() >> 4).AsByte() & mask, z);
            t1 += Avx512BW.MultiplyAddAdjacent((b.AsUInt16() >> 4).AsByte() & mask, z);
            t2 += Avx512BW.MultiplyAddAdjacent((c.AsUInt16() >> 4).AsByte() & mask, z);
        }

        Add(s0 + t0, s1 + t1, s2 + t2, rowScale, scales, rowSum, minimums, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MultiplyBytes512(
        int* four, byte* bytes, float rowScale, float* scales, float rowSum, float* minimums, float* y)
    {
        Vector512<short> s0 = default, s1 = default, s2 = default;
        for (int* end = four + (2 * Groups); four < end; four++, bytes += GroupBytes)
        {
            var x = Vector512.Create(*four).AsSByte();
            s0 += Avx512BW.MultiplyAddAdjacent(Vector512.Load(bytes), x);
            s1 += Avx512BW.MultiplyAddAdjacent(Vector512.Load(bytes + 64), x);
            s2 += Avx512BW.MultiplyAddAdjacent(Vector512.Load(bytes + 128), x);
        }

        Add(s0, s1, s2, rowScale, scales, rowSum, minimums, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(
        Vector512<short> s0, Vector512<short> s1, Vector512<short> s2,
        float rowScale, float* scales, float rowSum, float* minimums, float* y)
    {
        var ones = Vector512.Create((short)1);
        Vector512<float> scale = Vector512.Create(rowScale), sum = Vector512.Create(rowSum);
        BlockSums.Add(Avx512BW.MultiplyAddAdjacent(s0, ones), scale, scales, sum, minimums, y);
        BlockSums.Add(Avx512BW.MultiplyAddAdjacent(s1, ones), scale, scales + 16, sum, minimums + 16, y + 16);
        BlockSums.Add(Avx512BW.MultiplyAddAdjacent(s2, ones), scale, scales + 32, sum, minimums + 32, y + 32);
    }

    // The scale of a block of the row, and the sum of its numbers.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (float Scale, float Sum) RowFactors(byte* row, int depth, int block)
    {
        float scale = QuantizedRow.ScalesOf(row, depth)[block];
        return (scale, scale * (QuantizedRow.CorrectionsOf(row, depth)[block] / -Int8Rounding.Offset));
    }

    // The sums of pairs.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Widen(Vector256<short> pairs) => Avx2.IsSupported
        ? Avx2.MultiplyAddAdjacent(pairs, Vector256.Create((short)1))
        : ((pairs.AsInt32() << 16) >> 16) + (pairs.AsInt32() >> 16);

    /// <summary>Adds to each 16-bit lane the products of its two unsigned and two signed bytes, which must fit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<short> AddPairs(Vector256<short> sum, Vector256<byte> unsigned, Vector256<sbyte> signed)
    {
        if (Avx2.IsSupported) return sum + Avx2.MultiplyAddAdjacent(unsigned, signed);
        var even = (unsigned.AsInt16() & Vector256.Create((short)0xFF)) * ((signed.AsInt16() << 8) >> 8);
        var odd = (unsigned.AsUInt16() >> 8).AsInt16() * (signed.AsInt16() >> 8);
        return sum + even + odd;
    }
}
