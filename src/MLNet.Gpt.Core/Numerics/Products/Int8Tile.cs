using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>Several quantized rows times a panel of byte weights: <see cref="Int8Product"/>'s kernel for 4 rows at a time.</summary>
/// <remarks>
/// A slice of the panel is widened to 16 bits once, without its offset of 128, and rows stream past it: 25 KB, which stay
/// in the L1 cache. Of four steps of k, the even ones come first, as [48 outputs][2], then the odd ones: this is what masks
/// and shifts make of a packed panel. One instruction multiplies pairs and adds them up, one adds the sums of pairs to 4
/// rows × 48 outputs (2 × 16 × 3 with 16 registers) of sums in registers: two for 16 or 32 products. Products of bytes
/// would need three for 32 or 64 if none of them could saturate, and four with the signs moved so that none does.
/// </remarks>
internal static unsafe class Int8Tile
{
    /// <summary>Rows that share what is loaded.</summary>
    public const int Rows = 4;

    private const int PanelWidth = Int8Product.PanelWidth;
    private const int FoursPerPass = 64;
    private const int StepBytes = 4 * PanelWidth;
    private const int HalfStep = 2 * PanelWidth; // widened, even or odd
    private const int FoursPerScale = QuantizedRow.BlockLength / 4;

    // Of a widened row, the odd pairs follow the even ones, and the next row follows them.
    private const int Odd = FoursPerPass, NextRow = 2 * FoursPerPass;

    private const int PanelLength = FoursPerPass * StepBytes / 2, RowsLength = Rows * NextRow,
        ScalesLength = FoursPerPass * 4 / Q8Block.Length * PanelWidth, FactorsLength = Rows * FoursPerPass / FoursPerScale;

    /// <summary>The size of the scratch, in single-precision numbers.</summary>
    public const int ScratchLength = PanelLength + RowsLength + ScalesLength + FactorsLength;

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
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(bool isWide, PackedMatrix matrix, int panel, byte* rows, int rowCount, float* scratch, float* y)
    {
        short* words = (short*)scratch;
        int* x = (int*)scratch + PanelLength;
        float* scales = (float*)(x + RowsLength), factors = scales + ScalesLength;
        int depth = matrix.Depth, fours = (depth + 3) / 4, stride = QuantizedRow.StrideOf(depth);
        int foursPerBlock = Int8Product.FoursPerBlock(matrix);
        bool hasBlocks = matrix.HasBlocks;
        byte* bytes = hasBlocks ? matrix.BlockBytes(panel) : matrix.Panel(panel);
        for (int first = 0; first < fours; first += FoursPerPass)
        {
            int count = Math.Min(FoursPerPass, fours - first);
            WidenPanel(bytes + ((nint)first * StepBytes), count, words);
            if (hasBlocks) BlockSums.Widen(matrix.BlockScales(panel) + (first / foursPerBlock * PanelWidth), count / foursPerBlock, scales);
            for (int row = 0; row < rowCount; row += Rows)
            {
                for (int i = 0; i < Rows; i++)
                {
                    byte* source = rows + ((nint)(row + i) * stride);
                    WidenRow(source + (4 * first), count, x + (i * NextRow));
                    float* rowScales = QuantizedRow.ScalesOf(source, depth) + (4 * first / QuantizedRow.BlockLength);
                    for (int block = 0; block * FoursPerScale < count; block++) factors[(Rows * block) + i] = rowScales[block];
                }

                for (int done = 0; done < count; done += foursPerBlock)
                {
                    int steps = Math.Min(foursPerBlock, count - done);
                    float* rowScales = factors + (Rows * (4 * done / QuantizedRow.BlockLength));
                    float* blockScales = hasBlocks ? scales + (done / foursPerBlock * PanelWidth) : null;
                    short* slice = words + (done * 2 * HalfStep);
                    if (isWide) Multiply512(steps, x + done, slice, rowScales, blockScales, y + (row * PanelWidth));
                    else Multiply256(steps, x + done, slice, rowScales, blockScales, y + (row * PanelWidth));
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WidenPanel(byte* source, int fours, short* words)
    {
        for (int four = 0; four < fours; four++, source += StepBytes, words += 2 * HalfStep)
        {
            if (Vector512.IsHardwareAccelerated)
            {
                var offset = Vector512.Create((short)Int8Rounding.Offset);
                for (int i = 0; i < HalfStep; i += Vector512<short>.Count)
                {
                    var bytes = Vector512.Load(source + (2 * i)).AsUInt16();
                    ((bytes & Vector512.Create((ushort)0xFF)).AsInt16() - offset).Store(words + i);
                    ((bytes >> 8).AsInt16() - offset).Store(words + HalfStep + i);
                }
            }
            else
            {
                var offset = Vector256.Create((short)Int8Rounding.Offset);
                for (int i = 0; i < HalfStep; i += Vector256<short>.Count)
                {
                    var bytes = Vector256.Load(source + (2 * i)).AsUInt16();
                    ((bytes & Vector256.Create((ushort)0xFF)).AsInt16() - offset).Store(words + i);
                    ((bytes >> 8).AsInt16() - offset).Store(words + HalfStep + i);
                }
            }
        }
    }

    // Rows are padded to whole blocks of 64.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WidenRow(byte* source, int fours, int* pairs)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            for (int four = 0; four < fours; four += Vector512<int>.Count)
            {
                var bytes = Vector512.Load((short*)source + (2 * four));
                ((bytes << 8) >> 8).AsInt32().Store(pairs + four);
                (bytes >> 8).AsInt32().Store(pairs + Odd + four);
            }
        }
        else
        {
            for (int four = 0; four < fours; four += Vector256<int>.Count)
            {
                var bytes = Vector256.Load((short*)source + (2 * four));
                ((bytes << 8) >> 8).AsInt32().Store(pairs + four);
                (bytes >> 8).AsInt32().Store(pairs + Odd + four);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply512(int fours, int* x, short* panel, float* rowScales, float* scales, float* y)
    {
        Vector512<int> c00 = default, c01 = default, c02 = default;
        Vector512<int> c10 = default, c11 = default, c12 = default;
        Vector512<int> c20 = default, c21 = default, c22 = default;
        Vector512<int> c30 = default, c31 = default, c32 = default;
        for (int* end = x + fours; x < end; x++, panel += 2 * HalfStep)
        {
            Vector512<short> b0 = Vector512.Load(panel), b1 = Vector512.Load(panel + 32), b2 = Vector512.Load(panel + 64);
            var v = Vector512.Create(*x).AsInt16();
            c00 = AddPairs(c00, b0, v); c01 = AddPairs(c01, b1, v); c02 = AddPairs(c02, b2, v);
            v = Vector512.Create(x[NextRow]).AsInt16();
            c10 = AddPairs(c10, b0, v); c11 = AddPairs(c11, b1, v); c12 = AddPairs(c12, b2, v);
            v = Vector512.Create(x[2 * NextRow]).AsInt16();
            c20 = AddPairs(c20, b0, v); c21 = AddPairs(c21, b1, v); c22 = AddPairs(c22, b2, v);
            v = Vector512.Create(x[3 * NextRow]).AsInt16();
            c30 = AddPairs(c30, b0, v); c31 = AddPairs(c31, b1, v); c32 = AddPairs(c32, b2, v);
            b0 = Vector512.Load(panel + 96); b1 = Vector512.Load(panel + 128); b2 = Vector512.Load(panel + 160);
            v = Vector512.Create(x[Odd]).AsInt16();
            c00 = AddPairs(c00, b0, v); c01 = AddPairs(c01, b1, v); c02 = AddPairs(c02, b2, v);
            v = Vector512.Create(x[NextRow + Odd]).AsInt16();
            c10 = AddPairs(c10, b0, v); c11 = AddPairs(c11, b1, v); c12 = AddPairs(c12, b2, v);
            v = Vector512.Create(x[(2 * NextRow) + Odd]).AsInt16();
            c20 = AddPairs(c20, b0, v); c21 = AddPairs(c21, b1, v); c22 = AddPairs(c22, b2, v);
            v = Vector512.Create(x[(3 * NextRow) + Odd]).AsInt16();
            c30 = AddPairs(c30, b0, v); c31 = AddPairs(c31, b1, v); c32 = AddPairs(c32, b2, v);
        }

        AddRow(c00, c01, c02, rowScales[0], scales, y);
        AddRow(c10, c11, c12, rowScales[1], scales, y + PanelWidth);
        AddRow(c20, c21, c22, rowScales[2], scales, y + (2 * PanelWidth));
        AddRow(c30, c31, c32, rowScales[3], scales, y + (3 * PanelWidth));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply256(int fours, int* x, short* panel, float* rowScales, float* scales, float* y)
    {
        for (int column = 0; column < PanelWidth; column += 16)
        {
            Vector256<int> c00 = default, c01 = default, c10 = default, c11 = default;
            Vector256<int> c20 = default, c21 = default, c30 = default, c31 = default;
            short* b = panel + (2 * column);
            int* v = x;
            for (int* end = x + fours; v < end; v++, b += 2 * HalfStep)
            {
                Vector256<short> b0 = Vector256.Load(b), b1 = Vector256.Load(b + 16);
                var a = Vector256.Create(*v).AsInt16();
                c00 = AddPairs(c00, b0, a); c01 = AddPairs(c01, b1, a);
                a = Vector256.Create(v[NextRow]).AsInt16();
                c10 = AddPairs(c10, b0, a); c11 = AddPairs(c11, b1, a);
                a = Vector256.Create(v[2 * NextRow]).AsInt16();
                c20 = AddPairs(c20, b0, a); c21 = AddPairs(c21, b1, a);
                a = Vector256.Create(v[3 * NextRow]).AsInt16();
                c30 = AddPairs(c30, b0, a); c31 = AddPairs(c31, b1, a);
                b0 = Vector256.Load(b + HalfStep); b1 = Vector256.Load(b + HalfStep + 16);
                a = Vector256.Create(v[Odd]).AsInt16();
                c00 = AddPairs(c00, b0, a); c01 = AddPairs(c01, b1, a);
                a = Vector256.Create(v[NextRow + Odd]).AsInt16();
                c10 = AddPairs(c10, b0, a); c11 = AddPairs(c11, b1, a);
                a = Vector256.Create(v[(2 * NextRow) + Odd]).AsInt16();
                c20 = AddPairs(c20, b0, a); c21 = AddPairs(c21, b1, a);
                a = Vector256.Create(v[(3 * NextRow) + Odd]).AsInt16();
                c30 = AddPairs(c30, b0, a); c31 = AddPairs(c31, b1, a);
            }

            float* columnScales = Int8Product.At(scales, column);
            AddRow(c00, c01, rowScales[0], columnScales, y + column);
            AddRow(c10, c11, rowScales[1], columnScales, y + PanelWidth + column);
            AddRow(c20, c21, rowScales[2], columnScales, y + (2 * PanelWidth) + column);
            AddRow(c30, c31, rowScales[3], columnScales, y + (3 * PanelWidth) + column);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> AddPairs(Vector512<int> sum, Vector512<short> a, Vector512<short> b) =>
        sum + Avx512BW.MultiplyAddAdjacent(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> AddPairs(Vector256<int> sum, Vector256<short> a, Vector256<short> b) =>
        sum + Avx2.MultiplyAddAdjacent(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRow(Vector512<int> c0, Vector512<int> c1, Vector512<int> c2, float rowScale, float* scales, float* y)
    {
        var scale = Vector512.Create(rowScale);
        BlockSums.Add(c0, scale, scales, y);
        BlockSums.Add(c1, scale, Int8Product.At(scales, 16), y + 16);
        BlockSums.Add(c2, scale, Int8Product.At(scales, 32), y + 32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRow(Vector256<int> c0, Vector256<int> c1, float rowScale, float* scales, float* y)
    {
        var scale = Vector256.Create(rowScale);
        BlockSums.Add(c0, scale, scales, y);
        BlockSums.Add(c1, scale, Int8Product.At(scales, 8), y + 8);
    }
}
