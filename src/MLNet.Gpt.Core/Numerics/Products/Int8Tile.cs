using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static MLNet.Gpt.Numerics.Products.Int8Product;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>Several quantized rows times a panel of byte weights: <see cref="Int8Product"/>'s kernel for 4 or 8 rows at a time.</summary>
/// <remarks>
/// Rows stream past a slice of the panel, 24 KB, which stays in the L1 cache. What is loaded of the panel, 4 steps of k for
/// 48 outputs, serves all rows of a tile, whose sums stay in registers: 8 rows × 48 outputs, or 4 rows × 16 outputs three
/// times with 16 registers. Three instructions multiply four steps of k and add them up, for 16 or 8 outputs.
/// </remarks>
internal static unsafe class Int8Tile
{
    /// <summary>Rows that share what is loaded, at least.</summary>
    public const int Rows = 4;

    private const int StepBytes = 4 * PanelWidth;
    private const int FoursPerPass = 128;

    /// <summary>The size of the scratch, in single-precision numbers.</summary>
    public const int ScratchLength = FoursPerPass / FoursPerBlock * PanelWidth;

    /// <summary>Whether the tile is faster than row after row; with AVX-VNNI, which multiplies bytes by itself, it is not.</summary>
    public static bool IsSupported => Avx2.IsSupported && !AvxVnni.IsSupported;

    /// <summary>y (rows × 48) += rows · panel.</summary>
    /// <param name="isWide">Whether to use registers of 512 bits.</param>
    /// <param name="matrix">The matrix.</param>
    /// <param name="panel">Index of the panel.</param>
    /// <param name="rows">Rows in the layout of <see cref="QuantizedRow"/>, one after the other.</param>
    /// <param name="rowCount">Number of rows, a multiple of <see cref="Rows"/>.</param>
    /// <param name="scratch">Room for <see cref="ScratchLength"/> numbers.</param>
    /// <param name="y">Receives the sums, row after row.</param>
    public static void Multiply(bool isWide, PackedMatrix matrix, int panel, byte* rows, int rowCount, float* scratch, float* y)
    {
        if (matrix.HasBlocks) Multiply<BlockScales>(isWide, matrix, panel, rows, rowCount, scratch, y);
        else Multiply<NoScales>(isWide, matrix, panel, rows, rowCount, scratch, y);
    }

    private static void Multiply<TScales>(
        bool isWide, PackedMatrix matrix, int panel, byte* rows, int rowCount, float* scratch, float* y)
        where TScales : struct, IScales
    {
        int depth = matrix.Depth, fours = (depth + 3) / 4;
        byte* bytes = matrix.BlockBytes(panel);
        for (int first = 0; first < fours; first += FoursPerPass)
        {
            int count = Math.Min(FoursPerPass, fours - first), block = first / FoursPerBlock;
            if (matrix.HasBlocks) BlockSums.Widen(matrix.BlockScales(panel) + (block * PanelWidth), count / FoursPerBlock, scratch);

            var slice = new PanelSlice(count, 4 * first, bytes + ((nint)first * StepBytes), scratch, depth, block);
            int row = 0;
            for (; isWide && row + 8 <= rowCount; row += 8)
            {
                Multiply8By48<TScales>(slice, rows + (row * slice.Stride), y + (row * PanelWidth));
            }

            for (; row < rowCount; row += Rows)
            {
                byte* x = rows + (row * slice.Stride);
                float* sums = y + (row * PanelWidth);
                if (isWide) Multiply4By48<TScales>(slice, x, sums);
                else for (int column = 0; column < PanelWidth; column += 16) Multiply4By16<TScales>(slice, column, x, sums + column);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply8By48<TScales>(PanelSlice slice, byte* row, float* y)
        where TScales : struct, IScales
    {
        nint stride = slice.Stride, twice = 2 * stride;
        byte* x = row + slice.FirstByte, b = slice.Panel;
        float* scales = slice.Scales;
        byte* rowScale = row + slice.FirstScale, correction = row + slice.FirstCorrection;
        for (int left = slice.Fours; left > 0; left -= FoursPerBlock)
        {
            Vector512<int> c00 = Vector512.Create(*(int*)correction), c01 = c00, c02 = c00;
            Vector512<int> c10 = Vector512.Create(*(int*)(correction + stride)), c11 = c10, c12 = c10;
            Vector512<int> c20 = Vector512.Create(*(int*)(correction + twice)), c21 = c20, c22 = c20;
            Vector512<int> c30 = Vector512.Create(*(int*)(correction + (3 * stride))), c31 = c30, c32 = c30;
            Vector512<int> c40 = Vector512.Create(*(int*)(correction + (4 * stride))), c41 = c40, c42 = c40;
            Vector512<int> c50 = Vector512.Create(*(int*)(correction + (5 * stride))), c51 = c50, c52 = c50;
            Vector512<int> c60 = Vector512.Create(*(int*)(correction + (6 * stride))), c61 = c60, c62 = c60;
            Vector512<int> c70 = Vector512.Create(*(int*)(correction + (7 * stride))), c71 = c70, c72 = c70;
            byte* end = x + (4 * Math.Min(left, FoursPerBlock));
            for (byte* x3 = x + (3 * stride), x6 = x3 + (3 * stride); x < end; x += 4, x3 += 4, x6 += 4, b += StepBytes)
            {
                Vector512<byte> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 64), b2 = Vector512.Load(b + 128);
                var v = Vector512.Create(*(int*)x).AsSByte();
                c00 = MultiplyAddFours(c00, b0, v); c01 = MultiplyAddFours(c01, b1, v); c02 = MultiplyAddFours(c02, b2, v);
                v = Vector512.Create(*(int*)(x + stride)).AsSByte();
                c10 = MultiplyAddFours(c10, b0, v); c11 = MultiplyAddFours(c11, b1, v); c12 = MultiplyAddFours(c12, b2, v);
                v = Vector512.Create(*(int*)(x + twice)).AsSByte();
                c20 = MultiplyAddFours(c20, b0, v); c21 = MultiplyAddFours(c21, b1, v); c22 = MultiplyAddFours(c22, b2, v);
                v = Vector512.Create(*(int*)x3).AsSByte();
                c30 = MultiplyAddFours(c30, b0, v); c31 = MultiplyAddFours(c31, b1, v); c32 = MultiplyAddFours(c32, b2, v);
                v = Vector512.Create(*(int*)(x3 + stride)).AsSByte();
                c40 = MultiplyAddFours(c40, b0, v); c41 = MultiplyAddFours(c41, b1, v); c42 = MultiplyAddFours(c42, b2, v);
                v = Vector512.Create(*(int*)(x3 + twice)).AsSByte();
                c50 = MultiplyAddFours(c50, b0, v); c51 = MultiplyAddFours(c51, b1, v); c52 = MultiplyAddFours(c52, b2, v);
                v = Vector512.Create(*(int*)x6).AsSByte();
                c60 = MultiplyAddFours(c60, b0, v); c61 = MultiplyAddFours(c61, b1, v); c62 = MultiplyAddFours(c62, b2, v);
                v = Vector512.Create(*(int*)(x6 + stride)).AsSByte();
                c70 = MultiplyAddFours(c70, b0, v); c71 = MultiplyAddFours(c71, b1, v); c72 = MultiplyAddFours(c72, b2, v);
            }

            AddRow<TScales>(c00, c01, c02, *(float*)rowScale, scales, y);
            AddRow<TScales>(c10, c11, c12, *(float*)(rowScale + stride), scales, y + PanelWidth);
            AddRow<TScales>(c20, c21, c22, *(float*)(rowScale + twice), scales, y + (2 * PanelWidth));
            AddRow<TScales>(c30, c31, c32, *(float*)(rowScale + (3 * stride)), scales, y + (3 * PanelWidth));
            AddRow<TScales>(c40, c41, c42, *(float*)(rowScale + (4 * stride)), scales, y + (4 * PanelWidth));
            AddRow<TScales>(c50, c51, c52, *(float*)(rowScale + (5 * stride)), scales, y + (5 * PanelWidth));
            AddRow<TScales>(c60, c61, c62, *(float*)(rowScale + (6 * stride)), scales, y + (6 * PanelWidth));
            AddRow<TScales>(c70, c71, c72, *(float*)(rowScale + (7 * stride)), scales, y + (7 * PanelWidth));
            scales += PanelWidth;
            rowScale += sizeof(float);
            correction += sizeof(int);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply4By48<TScales>(PanelSlice slice, byte* row, float* y)
        where TScales : struct, IScales
    {
        nint stride = slice.Stride, twice = 2 * stride;
        byte* x = row + slice.FirstByte, b = slice.Panel;
        float* scales = slice.Scales;
        byte* rowScale = row + slice.FirstScale, correction = row + slice.FirstCorrection;
        for (int left = slice.Fours; left > 0; left -= FoursPerBlock)
        {
            Vector512<int> c00 = Vector512.Create(*(int*)correction), c01 = c00, c02 = c00;
            Vector512<int> c10 = Vector512.Create(*(int*)(correction + stride)), c11 = c10, c12 = c10;
            Vector512<int> c20 = Vector512.Create(*(int*)(correction + twice)), c21 = c20, c22 = c20;
            Vector512<int> c30 = Vector512.Create(*(int*)(correction + (3 * stride))), c31 = c30, c32 = c30;
            byte* end = x + (4 * Math.Min(left, FoursPerBlock));
            for (byte* x3 = x + (3 * stride); x < end; x += 4, x3 += 4, b += StepBytes)
            {
                Vector512<byte> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 64), b2 = Vector512.Load(b + 128);
                var v = Vector512.Create(*(int*)x).AsSByte();
                c00 = MultiplyAddFours(c00, b0, v); c01 = MultiplyAddFours(c01, b1, v); c02 = MultiplyAddFours(c02, b2, v);
                v = Vector512.Create(*(int*)(x + stride)).AsSByte();
                c10 = MultiplyAddFours(c10, b0, v); c11 = MultiplyAddFours(c11, b1, v); c12 = MultiplyAddFours(c12, b2, v);
                v = Vector512.Create(*(int*)(x + twice)).AsSByte();
                c20 = MultiplyAddFours(c20, b0, v); c21 = MultiplyAddFours(c21, b1, v); c22 = MultiplyAddFours(c22, b2, v);
                v = Vector512.Create(*(int*)x3).AsSByte();
                c30 = MultiplyAddFours(c30, b0, v); c31 = MultiplyAddFours(c31, b1, v); c32 = MultiplyAddFours(c32, b2, v);
            }

            AddRow<TScales>(c00, c01, c02, *(float*)rowScale, scales, y);
            AddRow<TScales>(c10, c11, c12, *(float*)(rowScale + stride), scales, y + PanelWidth);
            AddRow<TScales>(c20, c21, c22, *(float*)(rowScale + twice), scales, y + (2 * PanelWidth));
            AddRow<TScales>(c30, c31, c32, *(float*)(rowScale + (3 * stride)), scales, y + (3 * PanelWidth));
            scales += PanelWidth;
            rowScale += sizeof(float);
            correction += sizeof(int);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply4By16<TScales>(PanelSlice slice, int column, byte* row, float* y)
        where TScales : struct, IScales
    {
        nint stride = slice.Stride, twice = 2 * stride;
        byte* x = row + slice.FirstByte, b = slice.Panel + (4 * column);
        float* scales = slice.Scales + column;
        byte* rowScale = row + slice.FirstScale, correction = row + slice.FirstCorrection;
        for (int left = slice.Fours; left > 0; left -= FoursPerBlock)
        {
            Vector256<int> c00 = Vector256.Create(*(int*)correction), c01 = c00;
            Vector256<int> c10 = Vector256.Create(*(int*)(correction + stride)), c11 = c10;
            Vector256<int> c20 = Vector256.Create(*(int*)(correction + twice)), c21 = c20;
            Vector256<int> c30 = Vector256.Create(*(int*)(correction + (3 * stride))), c31 = c30;
            byte* end = x + (4 * Math.Min(left, FoursPerBlock));
            for (byte* x3 = x + (3 * stride); x < end; x += 4, x3 += 4, b += StepBytes)
            {
                Vector256<byte> b0 = Vector256.Load(b), b1 = Vector256.Load(b + 32);
                var v = Vector256.Create(*(int*)x).AsSByte();
                c00 = MultiplyAddFours(c00, b0, v); c01 = MultiplyAddFours(c01, b1, v);
                v = Vector256.Create(*(int*)(x + stride)).AsSByte();
                c10 = MultiplyAddFours(c10, b0, v); c11 = MultiplyAddFours(c11, b1, v);
                v = Vector256.Create(*(int*)(x + twice)).AsSByte();
                c20 = MultiplyAddFours(c20, b0, v); c21 = MultiplyAddFours(c21, b1, v);
                v = Vector256.Create(*(int*)x3).AsSByte();
                c30 = MultiplyAddFours(c30, b0, v); c31 = MultiplyAddFours(c31, b1, v);
            }

            AddRow<TScales>(c00, c01, *(float*)rowScale, scales, y);
            AddRow<TScales>(c10, c11, *(float*)(rowScale + stride), scales, y + PanelWidth);
            AddRow<TScales>(c20, c21, *(float*)(rowScale + twice), scales, y + (2 * PanelWidth));
            AddRow<TScales>(c30, c31, *(float*)(rowScale + (3 * stride)), scales, y + (3 * PanelWidth));
            scales += PanelWidth;
            rowScale += sizeof(float);
            correction += sizeof(int);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRow<TScales>(
        Vector512<int> c0, Vector512<int> c1, Vector512<int> c2, float rowScale, float* scales, float* y)
        where TScales : struct, IScales
    {
        var scale = Vector512.Create(rowScale);
        BlockSums.Add(c0, TScales.Factor(scale, scales), y);
        BlockSums.Add(c1, TScales.Factor(scale, scales + 16), y + 16);
        BlockSums.Add(c2, TScales.Factor(scale, scales + 32), y + 32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRow<TScales>(Vector256<int> c0, Vector256<int> c1, float rowScale, float* scales, float* y)
        where TScales : struct, IScales
    {
        var scale = Vector256.Create(rowScale);
        BlockSums.Add(c0, TScales.Factor(scale, scales), y);
        BlockSums.Add(c1, TScales.Factor(scale, scales + 8), y + 8);
    }

    /// <summary>A slice of a panel, and where its part of a row is.</summary>
    /// <param name="fours">Groups of four steps of k.</param>
    /// <param name="firstByte">The first byte of a row.</param>
    /// <param name="panel">The first byte of the slice.</param>
    /// <param name="scales">The scales of its blocks, if they have their own.</param>
    /// <param name="depth">Numbers of a row.</param>
    /// <param name="block">The first block of a row.</param>
    private readonly struct PanelSlice(int fours, int firstByte, byte* panel, float* scales, int depth, int block)
    {
        public readonly int Fours = fours;
        public readonly int FirstByte = firstByte;
        public readonly byte* Panel = panel;
        public readonly float* Scales = scales;
        public readonly nint FirstScale = (nint)(QuantizedRow.ScalesOf(null, depth) + block);
        public readonly nint FirstCorrection = (nint)(QuantizedRow.CorrectionsOf(null, depth) + block);
        public readonly nint Stride = QuantizedRow.StrideOf(depth);
    }

    /// <summary>Whether a panel's blocks have scales, known while a kernel is compiled.</summary>
    private interface IScales
    {
        /// <summary>What sums are multiplied by.</summary>
        static abstract Vector512<float> Factor(Vector512<float> rowScale, float* scales);

        /// <inheritdoc cref="Factor(Vector512{float}, float*)"/>
        static abstract Vector256<float> Factor(Vector256<float> rowScale, float* scales);
    }

    private readonly struct NoScales : IScales
    {
        public static Vector512<float> Factor(Vector512<float> rowScale, float* scales) => rowScale;

        public static Vector256<float> Factor(Vector256<float> rowScale, float* scales) => rowScale;
    }

    private readonly struct BlockScales : IScales
    {
        public static Vector512<float> Factor(Vector512<float> rowScale, float* scales) => rowScale * Vector512.Load(scales);

        public static Vector256<float> Factor(Vector256<float> rowScale, float* scales) => rowScale * Vector256.Load(scales);
    }
}
