using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>Quantized rows times a panel of 6-bit or 5-bit weights, <see cref="Q6KBlock"/> and <see cref="Q5KBlock"/>.</summary>
/// <typeparam name="TBits">The type of blocks.</typeparam>
/// <remarks>
/// A panel begins with d, [block of 256][48 outputs] in half precision, and s, [group of 16 k][48 outputs] in bytes; of
/// Q5_K, with d and m, and with s and n of groups of 32 k. Then follow units of 64 steps of k, in three slices of 16
/// outputs. A slice has eight vectors of [16 outputs][4] lower bits, the i-th those of the four steps i below and i + 8
/// above, and four vectors of upper bits, the i-th those of the four steps i, i + 4, i + 8 and i + 12; of Q5_K two, the
/// second one's bits above the first one's. Of the products of q − 32 and the row's bytes, eight of a group are at most
/// 8 × 32 × 127 and fit in 16 bits, as do those of a number up to 31. Their sums are multiplied by s, which gives an
/// integer for the 64 steps that share the row's scale; then d × the row's scale × this sum is added to a
/// single-precision sum in the order of k, and of Q5_K −m × the row's scale × the sum of n × the row's bytes. The
/// result is therefore the same for any instruction set, for one row and for many.
/// </remarks>
internal static unsafe class KProduct<TBits>
    where TBits : struct, IKBits
{
    /// <summary>Blocks of a row that share a scale.</summary>
    public const int RowBlocksPerScale = 2;

    private const int PanelWidth = Int8Product.PanelWidth;
    private const int Length = Q6KBlock.Length; // both
    private const int UnitLength = RowBlocksPerScale * QuantizedRow.BlockLength;
    private const int UnitsPerBlock = Length / UnitLength;
    private const int Fours = UnitLength / 4;
    private const int GroupLength = Q6KBlock.GroupLength;
    private const int Groups = UnitLength / GroupLength;
    private const int SliceWidth = 16;
    private const int VectorBytes = 4 * SliceWidth;
    private const int Upper = 8 * VectorBytes; // where upper bits begin in a slice
    private const int UnpackedSlice = Fours * VectorBytes;
    private const int UnpackedUnit = PanelWidth / SliceWidth * UnpackedSlice;

    // Unpacked, they take 24 KB, and their factors 6 KB or 12 KB.
    private const int UnitsPerPass = 2 * UnitsPerBlock;

    /// <summary>The size of the scratch, in single-precision numbers.</summary>
    public const int ScratchLength =
        (UnitsPerPass * ((UnpackedUnit / sizeof(float)) + (2 * Groups * PanelWidth))) + (2 * UnitsPerPass / UnitsPerBlock * PanelWidth);

    private static int SliceBytes => Upper + (TBits.UpperVectors * VectorBytes);

    private static int UnitBytes => PanelWidth / SliceWidth * SliceBytes;

    // Factors of 64 steps, and of each kind.
    private static int FactorsPerUnit => UnitLength / TBits.GroupLength;

    private static int Kinds => TBits.HasMinimums ? 2 : 1;

    /// <summary>Bytes of a panel before the units; a whole number of vectors.</summary>
    public static int HeadBytesOf(int depth) =>
        Kinds * PanelWidth * ((depth / Length * sizeof(ushort)) + (depth / TBits.GroupLength));

    /// <summary>Bytes of a panel's units.</summary>
    public static long UnitBytesOf(int depth) => (long)depth / UnitLength * UnitBytes;

    /// <summary>Fills a panel from rows of blocks, losing nothing.</summary>
    /// <param name="matrix">The matrix.</param>
    /// <param name="panel">Index of the panel.</param>
    /// <param name="rows">The rows, in the file's format.</param>
    /// <param name="rowCount">Number of rows; other outputs become 0.</param>
    public static void Pack(PackedMatrix matrix, int panel, byte* rows, int rowCount)
    {
        int blocks = matrix.Depth / Length, ofBlock = Length / TBits.GroupLength;
        new Span<byte>(matrix.Panel(panel), checked((int)matrix.PanelStride)).Clear();
        Half* units = UnitsOf(matrix, panel), minimums = units + (blocks * PanelWidth);
        byte* scales = ScalesOf(matrix, panel), ofMinimums = scales + (blocks * ofBlock * PanelWidth), bits = matrix.BlockBytes(panel);
        for (int output = 0; output < rowCount; output++)
        {
            for (int block = 0; block < blocks; block++, rows += TBits.Size)
            {
                var bytes = new ReadOnlySpan<byte>(rows, TBits.Size);
                int place = (block * PanelWidth) + output;
                units[place] = TBits.UnitOf(bytes);
                if (TBits.HasMinimums) minimums[place] = TBits.MinimumOf(bytes);
                for (int group = 0; group < ofBlock; group++)
                {
                    place = (((block * ofBlock) + group) * PanelWidth) + output;
                    var (scale, minimum) = TBits.FactorsOf(bytes, group);
                    scales[place] = (byte)scale;
                    if (TBits.HasMinimums) ofMinimums[place] = (byte)minimum;
                }

                for (int i = 0; i < Length; i++)
                {
                    int number = TBits.NumberOf(bytes, i);
                    var (lower, lowerShift, upper, upperShift) = PlacesOf((block * Length) + i, output);
                    bits[lower] |= (byte)((number & 0xF) << lowerShift);
                    bits[upper] |= (byte)((number >> 4) << upperShift);
                }
            }
        }
    }

    /// <summary>Copies the weights of one output of a panel as the file's reader computes them.</summary>
    public static void CopyRow(PackedMatrix matrix, int panel, int output, float* destination)
    {
        int blocks = matrix.Depth / Length, mask = (1 << TBits.UpperBits) - 1;
        Half* units = UnitsOf(matrix, panel) + output;
        byte* scales = ScalesOf(matrix, panel) + output, bits = matrix.BlockBytes(panel);
        for (int k = 0; k < matrix.Depth; k++)
        {
            int place = k / Length * PanelWidth, factor = k / TBits.GroupLength * PanelWidth;
            float own = (float)units[place] * (sbyte)scales[factor];
            var (lower, lowerShift, upper, upperShift) = PlacesOf(k, output);
            int number = ((bits[lower] >> lowerShift) & 0xF) | (((bits[upper] >> upperShift) & mask) << 4);
            destination[k] = TBits.HasMinimums
                ? (own * number)
                    - ((float)units[(blocks * PanelWidth) + place] * scales[(matrix.Depth / TBits.GroupLength * PanelWidth) + factor])
                : own * (number - Q6KBlock.Offset);
        }
    }

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
        float* units = stackalloc float[2 * PanelWidth], minimums = units + PanelWidth;
        int depth = matrix.Depth, unitCount = depth / UnitLength;
        byte* scales = ScalesOf(matrix, panel), slice = matrix.BlockBytes(panel);
        int toMinimums = depth / TBits.GroupLength * PanelWidth;
        float* rowScales = QuantizedRow.ScalesOf(row, depth);
        int* four = (int*)row, offsets = QuantizedRow.OffsetsOf(row, depth);
        for (int unit = 0; unit < unitCount; unit++, four += Fours, offsets += Groups, scales += FactorsPerUnit * PanelWidth)
        {
            if (unit % UnitsPerBlock == 0) WidenUnits(matrix, panel, unit / UnitsPerBlock, 1, units, minimums);
            for (int output = 0; output < PanelWidth; output += SliceWidth, slice += SliceBytes)
            {
                if (isWide)
                {
                    var sum = MultiplyBits512(four, slice, offsets, scales + output);
                    BlockSums.Add(sum, Vector512.Create(rowScales[RowBlocksPerScale * unit]), units + output, y + output);
                    if (!TBits.HasMinimums) continue;
                    var least = MultiplyMinimums512(offsets, scales + toMinimums + output);
                    BlockSums.Add(least, Vector512.Create(rowScales[RowBlocksPerScale * unit]), minimums + output, y + output);
                    continue;
                }

                var rowScale = Vector256.Create(rowScales[RowBlocksPerScale * unit]);
                BlockSums.Prefetch(slice);
                BlockSums.Prefetch(slice + (SliceBytes / 4));
                BlockSums.Add(MultiplyBits(four, slice, offsets, scales + output), rowScale, units + output, y + output);
                BlockSums.Prefetch(slice + (SliceBytes / 2));
                BlockSums.Prefetch(slice + (SliceBytes * 3 / 4));
                int half = output + (SliceWidth / 2);
                BlockSums.Add(MultiplyBits(four, slice + (VectorBytes / 2), offsets, scales + half), rowScale, units + half, y + half);
                if (!TBits.HasMinimums) continue;
                byte* factors = scales + toMinimums;
                BlockSums.Add(MultiplyMinimums(offsets, factors + output), rowScale, minimums + output, y + output);
                BlockSums.Add(MultiplyMinimums(offsets, factors + half), rowScale, minimums + half, y + half);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyRows(bool isWide, PackedMatrix matrix, int panel, byte* rows, int rowCount, float* scratch, float* y)
    {
        float* units = scratch, minimums = units + (UnitsPerPass / UnitsPerBlock * PanelWidth);
        int* pairs = (int*)(minimums + (UnitsPerPass / UnitsPerBlock * PanelWidth));
        int* minimumPairs = pairs + (UnitsPerPass * Groups * PanelWidth);
        byte* bytes = (byte*)(minimumPairs + (UnitsPerPass * Groups * PanelWidth));
        int depth = matrix.Depth, unitCount = depth / UnitLength, stride = QuantizedRow.StrideOf(depth);
        for (int first = 0; first < unitCount; first += UnitsPerPass)
        {
            int count = Math.Min(UnitsPerPass, unitCount - first);
            WidenUnits(matrix, panel, first / UnitsPerBlock, count / UnitsPerBlock, units, minimums);
            byte* scales = ScalesOf(matrix, panel) + (first * FactorsPerUnit * PanelWidth);
            WidenFactors(scales, count, pairs);
            if (TBits.HasMinimums) WidenFactors(scales + (depth / TBits.GroupLength * PanelWidth), count, minimumPairs);
            Unpack(matrix.BlockBytes(panel) + ((nint)first * UnitBytes), count, bytes);
            for (int row = 0; row < rowCount; row++)
            {
                byte* x = rows + ((nint)row * stride), slice = bytes;
                int* four = (int*)x + (first * Fours), offsets = QuantizedRow.OffsetsOf(x, depth) + (first * Groups);
                int* factors = pairs, least = minimumPairs;
                float* rowScales = QuantizedRow.ScalesOf(x, depth) + (RowBlocksPerScale * first), target = y + (row * PanelWidth);
                for (int unit = 0; unit < count; unit++, four += Fours, offsets += Groups)
                {
                    float* own = units + (unit / UnitsPerBlock * PanelWidth), ownMinimums = minimums + (unit / UnitsPerBlock * PanelWidth);
                    for (int output = 0; output < PanelWidth; output += SliceWidth, slice += UnpackedSlice)
                    {
                        if (isWide)
                        {
                            var wideScale = Vector512.Create(rowScales[RowBlocksPerScale * unit]);
                            var sum = MultiplyBytes512(four, slice, offsets, factors + output);
                            BlockSums.Add(sum, wideScale, own + output, target + output);
                            if (!TBits.HasMinimums) continue;
                            sum = MultiplyMinimums512(offsets, least + output);
                            BlockSums.Add(sum, wideScale, ownMinimums + output, target + output);
                            continue;
                        }

                        var rowScale = Vector256.Create(rowScales[RowBlocksPerScale * unit]);
                        int half = output + (SliceWidth / 2);
                        BlockSums.Add(MultiplyBytes(four, slice, offsets, factors + output), rowScale, own + output, target + output);
                        BlockSums.Add(
                            MultiplyBytes(four, slice + (VectorBytes / 2), offsets, factors + half), rowScale, own + half, target + half);
                        if (!TBits.HasMinimums) continue;
                        BlockSums.Add(MultiplyMinimums(offsets, least + output), rowScale, ownMinimums + output, target + output);
                        BlockSums.Add(MultiplyMinimums(offsets, least + half), rowScale, ownMinimums + half, target + half);
                    }

                    factors += Groups * PanelWidth;
                    least += Groups * PanelWidth;
                }
            }
        }
    }

    // To [four of k][16 outputs][4] for each slice, one byte each.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Unpack(byte* slice, int unitCount, byte* bytes)
    {
        const int Quarter = UnpackedSlice / 4;
        for (int i = 0; i < unitCount * PanelWidth / SliceWidth; i++, slice += SliceBytes, bytes += UnpackedSlice)
        {
            for (int at = 0; at < Quarter; at += Vector256<byte>.Count)
            {
                Vector256<byte> a = Vector256.Load(slice + at), b = Vector256.Load(slice + Quarter + at);
                var h = LoadUpper(slice + (at % VectorBytes), at / VectorBytes);
                Join(Lower(a), h, 0).Store(bytes + at);
                Join(Lower(b), h, 1).Store(bytes + Quarter + at);
                Join(Lower(a.AsUInt16() >> 4), h, 2).Store(bytes + (2 * Quarter) + at);
                Join(Lower(b.AsUInt16() >> 4), h, 3).Store(bytes + (3 * Quarter) + at);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> Lower<T>(Vector256<T> bits) => bits.AsByte() & Vector256.Create((byte)0xF);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> Lower<T>(Vector512<T> bits) => bits.AsByte() & Vector512.Create((byte)0xF);

    // The upper bits of the i-th four steps of each group: two for each group, or one below each of two halves.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ushort> LoadUpper(byte* slice, int i) => TBits.UpperBits == 2
        ? Vector256.Load((ushort*)(slice + Upper + (i * VectorBytes)))
        : Vector256.Load((ushort*)(slice + Upper + (i / 2 * VectorBytes))) >> (i % 2 * 4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ushort> LoadUpper512(byte* slice, int i) => TBits.UpperBits == 2
        ? Vector512.Load((ushort*)(slice + Upper + (i * VectorBytes)))
        : Vector512.Load((ushort*)(slice + Upper + (i / 2 * VectorBytes))) >> (i % 2 * 4);

    // Moves the upper bits of a group above its lower ones.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> Join(Vector256<byte> lower, Vector256<ushort> upper, int group)
    {
        if (TBits.UpperBits == 1) return lower | ((upper << (4 - group)).AsByte() & Vector256.Create((byte)0x10));
        var moved = group < 2 ? upper << (4 - (2 * group)) : group == 2 ? upper : upper >> 2;
        return lower | (moved.AsByte() & Vector256.Create((byte)0x30));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> Join(Vector512<byte> lower, Vector512<ushort> upper, int group)
    {
        if (TBits.UpperBits == 1) return lower | ((upper << (4 - group)).AsByte() & Vector512.Create((byte)0x10));
        var moved = group < 2 ? upper << (4 - (2 * group)) : group == 2 ? upper : upper >> 2;
        return lower | (moved.AsByte() & Vector512.Create((byte)0x30));
    }

    // Numbers with a minimum have no offset.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Start(int offset) => TBits.HasMinimums ? Vector256<short>.Zero : Vector256.Create(offset).AsInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Start512(int offset) => TBits.HasMinimums ? Vector512<short>.Zero : Vector512.Create(offset).AsInt16();

    // The factors of a group of 16 steps.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* At(byte* factors, int group) => factors + (group * GroupLength / TBits.GroupLength * PanelWidth);

    // −32 × n × the row's bytes, added up.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> MultiplyMinimums(int* offsets, byte* factors)
    {
        var sum = Vector256<int>.Zero;
        for (int group = 0; group < Groups; group++)
        {
            sum += Scale(Vector256.Create(offsets[group]).AsInt16(), PairsOf(At(factors, group)));
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> MultiplyMinimums(int* offsets, int* factors)
    {
        var sum = Vector256<int>.Zero;
        for (int group = 0; group < Groups; group++, factors += PanelWidth)
        {
            sum += Scale(Vector256.Create(offsets[group]).AsInt16(), Vector256.Load(factors).AsInt16());
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> MultiplyMinimums512(int* offsets, byte* factors)
    {
        var sum = Vector512<int>.Zero;
        for (int group = 0; group < Groups; group++)
        {
            sum += Avx512BW.MultiplyAddAdjacent(Vector512.Create(offsets[group]).AsInt16(), PairsOf512(At(factors, group)));
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> MultiplyMinimums512(int* offsets, int* factors)
    {
        var sum = Vector512<int>.Zero;
        for (int group = 0; group < Groups; group++, factors += PanelWidth)
        {
            sum += Avx512BW.MultiplyAddAdjacent(Vector512.Create(offsets[group]).AsInt16(), Vector512.Load(factors).AsInt16());
        }

        return sum;
    }

    // d, and m / 32, because the sums to multiply it by are 32 times as large.
    private static void WidenUnits(PackedMatrix matrix, int panel, int firstBlock, int count, float* units, float* minimums)
    {
        Half* halves = UnitsOf(matrix, panel) + (firstBlock * PanelWidth);
        BlockSums.Widen(halves, count, units);
        if (!TBits.HasMinimums) return;
        BlockSums.Widen(halves + (matrix.Depth / Length * PanelWidth), count, minimums);
        for (int i = 0; i < count * PanelWidth; i++) minimums[i] /= Q6KBlock.Offset;
    }

    // To one pair of 16-bit numbers for each group of 16 steps and output.
    private static void WidenFactors(byte* factors, int unitCount, int* pairs)
    {
        for (int group = 0; group < unitCount * Groups; group++)
        {
            byte* own = At(factors, group);
            for (int i = 0; i < PanelWidth; i += Vector256<int>.Count) PairsOf(own + i).AsInt32().Store(pairs + i);
            pairs += PanelWidth;
        }
    }

    // Eight outputs of a slice.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> MultiplyBits(int* four, byte* slice, int* offsets, byte* scales)
    {
        Vector256<short> s0 = Start(offsets[0]), s1 = Start(offsets[1]), s2 = Start(offsets[2]), s3 = Start(offsets[3]);
        for (int i = 0; i < 4; i++, four++)
        {
            byte* vector = slice + (i * VectorBytes);
            Vector256<byte> a = Vector256.Load(vector), b = Vector256.Load(vector + (4 * VectorBytes));
            var h = LoadUpper(slice, i);
            s0 = Q4Product.AddPairs(s0, Join(Lower(a), h, 0), Vector256.Create(four[0]).AsSByte());
            s1 = Q4Product.AddPairs(s1, Join(Lower(b), h, 1), Vector256.Create(four[4]).AsSByte());
            s2 = Q4Product.AddPairs(s2, Join(Lower(a.AsUInt16() >> 4), h, 2), Vector256.Create(four[8]).AsSByte());
            s3 = Q4Product.AddPairs(s3, Join(Lower(b.AsUInt16() >> 4), h, 3), Vector256.Create(four[12]).AsSByte());
        }

        return Scale(s0, PairsOf(scales)) + Scale(s1, PairsOf(At(scales, 1)))
            + (Scale(s2, PairsOf(At(scales, 2))) + Scale(s3, PairsOf(At(scales, 3))));
    }

    // Eight outputs of an unpacked slice.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> MultiplyBytes(int* four, byte* slice, int* offsets, int* factors)
    {
        var sum = Vector256<int>.Zero;
        for (int group = 0; group < Groups; group++, four += 4, slice += 4 * VectorBytes, factors += PanelWidth)
        {
            var s = Start(offsets[group]);
            s = Q4Product.AddPairs(s, Vector256.Load(slice), Vector256.Create(four[0]).AsSByte());
            s = Q4Product.AddPairs(s, Vector256.Load(slice + VectorBytes), Vector256.Create(four[1]).AsSByte());
            s = Q4Product.AddPairs(s, Vector256.Load(slice + (2 * VectorBytes)), Vector256.Create(four[2]).AsSByte());
            s = Q4Product.AddPairs(s, Vector256.Load(slice + (3 * VectorBytes)), Vector256.Create(four[3]).AsSByte());
            sum += Scale(s, Vector256.Load(factors).AsInt16());
        }

        return sum;
    }

    // The same for all 16 outputs of a slice.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> MultiplyBits512(int* four, byte* slice, int* offsets, byte* scales)
    {
        Vector512<short> s0 = Start512(offsets[0]), s1 = Start512(offsets[1]), s2 = Start512(offsets[2]), s3 = Start512(offsets[3]);
        for (int i = 0; i < 4; i++, four++)
        {
            BlockSums.Prefetch(slice + (i * SliceBytes / 4));
            byte* vector = slice + (i * VectorBytes);
            Vector512<byte> a = Vector512.Load(vector), b = Vector512.Load(vector + (4 * VectorBytes));
            var h = LoadUpper512(slice, i);
            s0 += Avx512BW.MultiplyAddAdjacent(Join(Lower(a), h, 0), Vector512.Create(four[0]).AsSByte());
            s1 += Avx512BW.MultiplyAddAdjacent(Join(Lower(b), h, 1), Vector512.Create(four[4]).AsSByte());
            s2 += Avx512BW.MultiplyAddAdjacent(Join(Lower(a.AsUInt16() >> 4), h, 2), Vector512.Create(four[8]).AsSByte());
            s3 += Avx512BW.MultiplyAddAdjacent(Join(Lower(b.AsUInt16() >> 4), h, 3), Vector512.Create(four[12]).AsSByte());
        }

        return Avx512BW.MultiplyAddAdjacent(s0, PairsOf512(scales)) + Avx512BW.MultiplyAddAdjacent(s1, PairsOf512(At(scales, 1)))
            + (Avx512BW.MultiplyAddAdjacent(s2, PairsOf512(At(scales, 2))) + Avx512BW.MultiplyAddAdjacent(s3, PairsOf512(At(scales, 3))));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> MultiplyBytes512(int* four, byte* slice, int* offsets, int* factors)
    {
        var sum = Vector512<int>.Zero;
        for (int group = 0; group < Groups; group++, four += 4, slice += 4 * VectorBytes, factors += PanelWidth)
        {
            var s = Start512(offsets[group]);
            s += Avx512BW.MultiplyAddAdjacent(Vector512.Load(slice), Vector512.Create(four[0]).AsSByte());
            s += Avx512BW.MultiplyAddAdjacent(Vector512.Load(slice + VectorBytes), Vector512.Create(four[1]).AsSByte());
            s += Avx512BW.MultiplyAddAdjacent(Vector512.Load(slice + (2 * VectorBytes)), Vector512.Create(four[2]).AsSByte());
            s += Avx512BW.MultiplyAddAdjacent(Vector512.Load(slice + (3 * VectorBytes)), Vector512.Create(four[3]).AsSByte());
            sum += Avx512BW.MultiplyAddAdjacent(s, Vector512.Load(factors).AsInt16());
        }

        return sum;
    }

    // The sums of pairs of products.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Scale(Vector256<short> sums, Vector256<short> factors)
    {
        if (Avx2.IsSupported) return Avx2.MultiplyAddAdjacent(sums, factors);
        Vector256<int> s = sums.AsInt32(), f = factors.AsInt32();
        return (((s << 16) >> 16) * ((f << 16) >> 16)) + ((s >> 16) * (f >> 16));
    }

    // Each of eight signed bytes, widened, twice.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> PairsOf(byte* scales)
    {
        var words = Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(ulong*)scales).AsSByte());
        var wide = Vector256.WidenLower(words.ToVector256Unsafe());
        return ((wide & Vector256.Create(0xFFFF)) | (wide << 16)).AsInt16();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> PairsOf512(byte* scales)
    {
        var wide = Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)scales));
        return ((wide & Vector512.Create(0xFFFF)) | (wide << 16)).AsInt16();
    }

    private static Half* UnitsOf(PackedMatrix matrix, int panel) => (Half*)matrix.Panel(panel);

    private static byte* ScalesOf(PackedMatrix matrix, int panel) =>
        matrix.Panel(panel) + (Kinds * matrix.Depth / Length * PanelWidth * sizeof(ushort));

    // Where the bits of a weight are in the units of a panel.
    private static (long Lower, int LowerShift, long Upper, int UpperShift) PlacesOf(int k, int output)
    {
        var (unit, step) = Math.DivRem(k, UnitLength);
        int four = step / 4;
        long slice = ((long)unit * UnitBytes) + (output / SliceWidth * SliceBytes) + (output % SliceWidth * 4) + (step % 4);
        var (upper, upperShift) = TBits.UpperBits == 2 ? (four % 4, four / 4 * 2) : (four % 4 / 2, (four % 2 * 4) + (four / 4));
        return (slice + (four % 8 * VectorBytes), four / 8 * 4, slice + Upper + (upper * VectorBytes), upperShift);
    }
}
