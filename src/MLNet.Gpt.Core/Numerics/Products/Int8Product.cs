using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>Quantized rows times a panel of byte weights, with a scale per output or with those of Q8_0 blocks.</summary>
/// <remarks>
/// A panel is [four of k][48 outputs][4]: one 32-byte load has four steps of k for eight outputs. Within a block of 32
/// steps, sums are integers, so every instruction set gives the same result; then they are scaled and added to a
/// single-precision sum in the order of k. Weights are unsigned (offset by 128) and activations signed because the
/// instructions that multiply bytes require it; <see cref="QuantizedRow"/> keeps pairs of products within 16 bits.
/// </remarks>
internal static unsafe class Int8Product
{
    /// <summary>Outputs of a panel, at every register width.</summary>
    public const int PanelWidth = 48;

    private const int StepBytes = 4 * PanelWidth;

    /// <summary>Groups of four steps of k that share a scale.</summary>
    public const int FoursPerBlock = QuantizedRow.BlockLength / 4;

    /// <summary>y (rows × 48) = rows · panel.</summary>
    /// <param name="kernels">The kernels, which decide the register width.</param>
    /// <param name="matrix">The matrix.</param>
    /// <param name="panel">Index of the panel.</param>
    /// <param name="rows">Rows in the layout of <see cref="QuantizedRow"/>, one after the other.</param>
    /// <param name="rowCount">Number of rows.</param>
    /// <param name="scratch">For several rows, room for <see cref="Int8Tile.ScratchLength"/> numbers.</param>
    /// <param name="y">Receives the sums, row after row.</param>
    public static void Multiply(KernelSet kernels, PackedMatrix matrix, int panel, byte* rows, int rowCount, float* scratch, float* y)
    {
        int stride = QuantizedRow.StrideOf(matrix.Depth), tiled = Int8Tile.IsSupported ? rowCount - (rowCount % Int8Tile.Rows) : 0;
        bool isWide = Avx512BW.IsSupported && kernels.Lanes == Vector512<float>.Count;
        new Span<float>(y, rowCount * PanelWidth).Clear();
        if (tiled > 0) Int8Tile.Multiply(isWide, matrix, panel, rows, tiled, scratch, y);
        for (int row = tiled; row < rowCount; row++)
        {
            MultiplyRow(isWide, matrix, panel, rows + ((long)row * stride), y + (row * PanelWidth));
        }

        if (matrix.HasBlocks) return;
        for (int row = 0; row < rowCount; row++) BlockSums.Scale(matrix.Scales + (panel * PanelWidth), y + (row * PanelWidth));
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyRow(bool isWide, PackedMatrix matrix, int panel, byte* row, float* y)
    {
        float* widened = stackalloc float[PanelWidth], blockScales = null;
        int depth = matrix.Depth, fours = (depth + 3) / 4;
        bool hasBlocks = matrix.HasBlocks;
        float* rowScales = QuantizedRow.ScalesOf(row, depth);
        int* corrections = QuantizedRow.CorrectionsOf(row, depth), four = (int*)row;
        byte* bytes = hasBlocks ? matrix.BlockBytes(panel) : matrix.Panel(panel);
        Half* scales = hasBlocks ? matrix.BlockScales(panel) : null;
        for (int block = 0; fours > 0; block++, fours -= FoursPerBlock)
        {
            int count = Math.Min(FoursPerBlock, fours);
            if (hasBlocks)
            {
                BlockSums.Widen(scales + (block * PanelWidth), 1, widened);
                blockScales = widened;
            }

            if (isWide && !AvxVnni.IsSupported) MultiplyBlock512(count, four, bytes, corrections[block], rowScales[block], blockScales, y);
            else MultiplyBlock(count, four, bytes, corrections[block], rowScales[block], blockScales, y);
            four += count;
            bytes += count * StepBytes;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MultiplyBlock(int count, int* four, byte* panel, int correction, float rowScale, float* scales, float* y)
    {
        Vector256<int> s0 = Vector256.Create(correction), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0;
        for (int* end = four + count; four < end; four++)
        {
            BlockSums.Prefetch(panel);
            var x = Vector256.Create(*four).AsSByte();
            s0 = MultiplyAddFours(s0, Vector256.Load(panel), x);
            s1 = MultiplyAddFours(s1, Vector256.Load(panel + 32), x);
            s2 = MultiplyAddFours(s2, Vector256.Load(panel + 64), x);
            s3 = MultiplyAddFours(s3, Vector256.Load(panel + 96), x);
            s4 = MultiplyAddFours(s4, Vector256.Load(panel + 128), x);
            s5 = MultiplyAddFours(s5, Vector256.Load(panel + 160), x);
            panel += StepBytes;
        }

        var scale = Vector256.Create(rowScale);
        BlockSums.Add(s0, BlockSums.Factors(scale, scales, 0), y);
        BlockSums.Add(s1, BlockSums.Factors(scale, scales, 8), y + 8);
        BlockSums.Add(s2, BlockSums.Factors(scale, scales, 16), y + 16);
        BlockSums.Add(s3, BlockSums.Factors(scale, scales, 24), y + 24);
        BlockSums.Add(s4, BlockSums.Factors(scale, scales, 32), y + 32);
        BlockSums.Add(s5, BlockSums.Factors(scale, scales, 40), y + 40);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MultiplyBlock512(int count, int* four, byte* panel, int correction, float rowScale, float* scales, float* y)
    {
        Vector512<int> s0 = Vector512.Create(correction), s1 = s0, s2 = s0;
        for (int* end = four + count; four < end; four++)
        {
            BlockSums.Prefetch(panel);
            var x = Vector512.Create(*four).AsSByte();
            s0 = MultiplyAddFours(s0, Vector512.Load(panel), x);
            s1 = MultiplyAddFours(s1, Vector512.Load(panel + 64), x);
            s2 = MultiplyAddFours(s2, Vector512.Load(panel + 128), x);
            panel += StepBytes;
        }

        var scale = Vector512.Create(rowScale);
        BlockSums.Add(s0, BlockSums.Factors(scale, scales, 0), y);
        BlockSums.Add(s1, BlockSums.Factors(scale, scales, 16), y + 16);
        BlockSums.Add(s2, BlockSums.Factors(scale, scales, 32), y + 32);
    }

    /// <summary>
    /// Adds to each 32-bit lane the products of its four unsigned and four signed bytes of a <see cref="QuantizedRow"/>, of
    /// which no pair saturates.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<int> MultiplyAddFours(Vector512<int> sum, Vector512<byte> unsigned, Vector512<sbyte> signed) =>
        sum + Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(unsigned, signed), Vector512.Create((short)1));

    /// <inheritdoc cref="MultiplyAddFours(Vector512{int}, Vector512{byte}, Vector512{sbyte})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<int> MultiplyAddFours(Vector256<int> sum, Vector256<byte> unsigned, Vector256<sbyte> signed)
    {
        if (AvxVnni.IsSupported) return AvxVnni.MultiplyWideningAndAdd(sum, unsigned, signed);
        if (Avx2.IsSupported)
        {
            return sum + Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(unsigned, signed), Vector256.Create((short)1));
        }

        if (Dp.IsSupported)
        {
            // The Arm instruction takes two signed operands: flipping the top bit removes the offset of 128, and 128 ×
            // the sum of the four is added back, because the correction expects the offset.
            var flipped = (unsigned ^ Vector256.Create((byte)0x80)).AsSByte();
            var offset = Vector128.Create((sbyte)64);
            var lower = Dp.DotProduct(sum.GetLower(), flipped.GetLower(), signed.GetLower());
            var upper = Dp.DotProduct(sum.GetUpper(), flipped.GetUpper(), signed.GetUpper());
            lower = Dp.DotProduct(Dp.DotProduct(lower, offset, signed.GetLower()), offset, signed.GetLower());
            upper = Dp.DotProduct(Dp.DotProduct(upper, offset, signed.GetUpper()), offset, signed.GetUpper());
            return Vector256.Create(lower, upper);
        }

        return MultiplyAddFoursPlain(sum, unsigned, signed);
    }

    /// <summary>The same in plain arithmetic.</summary>
    internal static Vector256<int> MultiplyAddFoursPlain(Vector256<int> sum, Vector256<byte> unsigned, Vector256<sbyte> signed)
    {
        int* sums = stackalloc int[8];
        sum.Store(sums);
        byte* left = (byte*)&unsigned;
        sbyte* right = (sbyte*)&signed;
        for (int i = 0; i < 32; i++) sums[i / 4] += left[i] * right[i];
        return Vector256.Load(sums);
    }
}
