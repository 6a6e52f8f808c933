using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>
/// The matrix of a linear layer, (out, in), packed for the kernels: panels of a few dozen outputs, and within a panel
/// step after step of k, with the outputs next to each other. A product reads it from front to back, whatever the
/// number of rows.
/// </summary>
/// <remarks>
/// The content of a panel depends on the precision: Float32, [k][output]; BFloat16, [pair of k][output][2]; Int8, [four
/// of k][output][4] as bytes offset by 128; Int4, as <see cref="Q4Product"/> says. Bytes have one scale per output or,
/// if <see cref="HasBlocks"/>, one per output and 32 steps of k; these scales come before the bytes of their panel, as
/// [block][output] in half precision. If <see cref="HasSuperBlocks"/>, what comes before are d and −m of each Q4_K block,
/// [block of 256][output] in single precision, then the bytes s and n, [block of 32][output]. Panels of Q5_K and Q6_K blocks are as
/// <see cref="KProduct{TBits}"/> says. Missing outputs in the last panel, and missing steps in the last group of two or four, are 0.
/// </remarks>
internal sealed unsafe class PackedMatrix : IWeightMatrix
{
    // One cache line of each row at a time: the rows are a multiple of the cache's period apart and would evict each
    // other.
    private const int PackingDepth = 16;

    // Flipping the top bit of each of four signed bytes adds 128 to it.
    private const uint OffsetOfFour = 0x80808080;

    private readonly NativeArena _arena;
    private readonly long _data;
    private readonly long _scales;
    private readonly long _bias;
    private readonly long _bytes;

    /// <param name="arena">The arena that provides the memory.</param>
    /// <param name="label">What the matrix is, for messages.</param>
    /// <param name="outputs">Number of outputs.</param>
    /// <param name="depth">Number of inputs.</param>
    /// <param name="precision">How weights are stored.</param>
    /// <param name="panelWidth">Outputs of a panel.</param>
    /// <param name="blocks">The blocks of a file that are kept; the depth must then be a multiple of their length.</param>
    public PackedMatrix(
        NativeArena arena, string label, int outputs, int depth, WeightPrecision precision, int panelWidth,
        StoredBlocks blocks = StoredBlocks.None)
    {
        bool isNibbles = precision == WeightPrecision.Int4;
        Debug.Assert(!isNibbles || depth % Q4Block.Length == 0, "Nibbles are in whole blocks.");
        Debug.Assert(
            blocks == StoredBlocks.None
                || (depth % blocks.Length() == 0
                    && precision == (blocks == StoredBlocks.Q4_K ? WeightPrecision.Int4 : WeightPrecision.Int8)),
            "Rows must consist of whole blocks, and Q4_K's are nibbles.");
        _arena = arena;
        Label = label;
        Outputs = outputs;
        Depth = depth;
        Precision = precision;
        PanelWidth = panelWidth;
        PanelCount = (outputs + panelWidth - 1) / panelWidth;
        long steps = precision switch
        {
            WeightPrecision.Float32 => depth,
            WeightPrecision.BFloat16 => (depth + 1) / 2,
            WeightPrecision.Int8 when blocks == StoredBlocks.Q5_K => KProduct<Q5KBlock>.UnitBytesOf(depth) / (4 * panelWidth),
            WeightPrecision.Int8 when blocks == StoredBlocks.Q6_K => KProduct<Q6KBlock>.UnitBytesOf(depth) / (4 * panelWidth),
            WeightPrecision.Int8 => (depth + 3) / 4,
            WeightPrecision.Int4 => depth / 8,
            _ => throw Check.Undefined(precision, nameof(precision)),
        };
        Blocks = blocks;
        RowBlocksPerScale = blocks is StoredBlocks.Q5_K or StoredBlocks.Q6_K ? KProduct<Q6KBlock>.RowBlocksPerScale : 1;
        int small = depth / Q8Block.Length, super = depth / Q4KBlock.Length;
        long headBytes = panelWidth * (blocks switch
        {
            StoredBlocks.Q8_0 => 2L * small,
            StoredBlocks.Q4_K => (2L * sizeof(float) * super) + (2 * small),
            StoredBlocks.Q5_K => KProduct<Q5KBlock>.HeadBytesOf(depth) / panelWidth,
            StoredBlocks.Q6_K => KProduct<Q6KBlock>.HeadBytesOf(depth) / panelWidth,
            _ => isNibbles ? 4L * small : 0,
        });
        _bytes = (headBytes + 63) & ~63L;
        PanelStride = (_bytes + (steps * panelWidth * 4) + 63) & ~63L;
        _data = arena.Reserve(PanelStride * PanelCount);
        _scales = precision == WeightPrecision.Int8 && blocks == StoredBlocks.None ? arena.Reserve(4L * PaddedOutputs) : -1;
        _bias = arena.Reserve(4L * PaddedOutputs);
    }

    /// <summary>Stacks matrices that are stored in different ways but take the same inputs as bytes.</summary>
    public PackedMatrix(NativeArena arena, string label, IReadOnlyList<PackedMatrix> parts)
    {
        Debug.Assert(parts.All(part => part.TakesBytes && part.Depth == parts[0].Depth), "They share their rows as bytes.");
        (_arena, Label, Parts, Precision) = (arena, label, parts, WeightPrecision.Int8);
        (Outputs, Depth) = (parts.Sum(part => part.Outputs), parts[0].Depth);
        RowBlocksPerScale = parts.Max(part => part.RowBlocksPerScale);
        _bias = arena.Reserve(sizeof(float) * (long)Outputs);
    }

    /// <summary>
    /// The matrices of which this one is stacked, whose rows are next to each other; it then has no panels of its own. Empty
    /// for others.
    /// </summary>
    public IReadOnlyList<PackedMatrix> Parts { get; } = [];

    /// <summary>Low-rank updates that products add; <see langword="null"/> if there are none.</summary>
    public LowRank? Update { get; private set; }

    /// <summary>What the matrix is, for messages.</summary>
    public string Label { get; }

    /// <summary>Number of outputs.</summary>
    public int Outputs { get; }

    /// <summary>Number of inputs, the length of the sums.</summary>
    public int Depth { get; }

    public WeightPrecision Precision { get; }

    /// <summary>Outputs in a panel.</summary>
    public int PanelWidth { get; }

    public int PanelCount { get; }

    /// <summary>Bytes from one panel to the next.</summary>
    public long PanelStride { get; }

    /// <summary>Number of outputs, including padding in the last panel.</summary>
    public int PaddedOutputs => PanelCount * PanelWidth;

    /// <summary>The bias of each output, padded; zeros if the layer has none.</summary>
    public float* Bias => (float*)_arena.At(_bias);

    /// <summary>The blocks of a file that the matrix keeps.</summary>
    public StoredBlocks Blocks { get; }

    /// <summary>Whether the matrix keeps the bytes and scales of Q8_0 blocks, or consists of nibbles in blocks.</summary>
    public bool HasBlocks => Blocks == StoredBlocks.Q8_0 || Precision == WeightPrecision.Int4;

    /// <summary>Whether the matrix keeps the nibbles and factors of Q4_K blocks.</summary>
    public bool HasSuperBlocks => Blocks == StoredBlocks.Q4_K;

    /// <summary>Blocks of a <see cref="QuantizedRow"/> that must share a scale.</summary>
    public int RowBlocksPerScale { get; }

    /// <summary>Whether products take their rows as bytes.</summary>
    public bool TakesBytes => Precision is WeightPrecision.Int8 or WeightPrecision.Int4;

    /// <summary>At Int8 without blocks, the scale of each output, padded.</summary>
    public float* Scales => (float*)_arena.At(_scales);

    /// <summary>The first byte of a panel.</summary>
    public byte* Panel(int panel) => _arena.At(_data) + (panel * PanelStride);

    /// <summary>The scales of a panel's blocks, [block][output]; at Int4, then their minimums; none with Q4_K blocks.</summary>
    public Half* BlockScales(int panel) => (Half*)Panel(panel);

    /// <summary>Computes the scales and minimums of some blocks of a panel of nibbles, each as [block][output].</summary>
    public void WidenScales(int panel, int firstBlock, int count, float* scales, float* minimums)
    {
        int blocks = Depth / Q4Block.Length;
        if (!HasSuperBlocks)
        {
            Half* halves = BlockScales(panel) + (firstBlock * PanelWidth);
            BlockSums.Widen(halves, count, scales);
            BlockSums.Widen(halves + (blocks * PanelWidth), count, minimums);
            return;
        }

        // The products of half precision and six bits are exact.
        float* units = (float*)Panel(panel), least = units + (Depth / Q4KBlock.Length * PanelWidth);
        byte* factors = (byte*)(least + (Depth / Q4KBlock.Length * PanelWidth)), ofMinimums = factors + (blocks * PanelWidth);
        for (int block = firstBlock; block < firstBlock + count; block++, scales += PanelWidth, minimums += PanelWidth)
        {
            int super = block / Q4KBlock.Groups * PanelWidth, own = block * PanelWidth;
            BlockSums.Multiply(units + super, factors + own, scales);
            BlockSums.Multiply(least + super, ofMinimums + own, minimums);
        }
    }

    /// <summary>The bytes of a panel with blocks.</summary>
    public byte* BlockBytes(int panel) => Panel(panel) + _bytes;

    /// <summary>Returns the same matrix, in the same memory, with low-rank updates.</summary>
    public PackedMatrix With(LowRank? update)
    {
        var view = (PackedMatrix)MemberwiseClone();
        view.Update = update;
        return view;
    }

    /// <summary>Copies the weights of one output with its updates, widened to single precision.</summary>
    public void CopyUpdatedRow(int row, float* destination)
    {
        CopyRow(row, destination);
        Update?.AddToRow(row, destination);
    }

    /// <summary>Copies the weights of one output without its updates, widened to single precision.</summary>
    public void CopyRow(int row, float* destination)
    {
        foreach (var part in Parts)
        {
            if (row < part.Outputs)
            {
                part.CopyRow(row, destination);
                return;
            }

            row -= part.Outputs;
        }

        byte* panel = Panel(row / PanelWidth);
        int column = row % PanelWidth;
        switch (Precision)
        {
            case WeightPrecision.Float32:
                float* single = (float*)panel + column;
                for (int k = 0; k < Depth; k++) destination[k] = single[(long)k * PanelWidth];
                break;
            case WeightPrecision.BFloat16:
                ushort* half = (ushort*)panel + (2 * column);
                for (int k = 0; k < Depth; k++) destination[k] = BFloat16Rounding.Widen(half[((long)(k >> 1) * 2 * PanelWidth) + (k & 1)]);
                break;
            case WeightPrecision.Int4:
                CopyNibbleRow(row / PanelWidth, column, destination);
                break;
            case WeightPrecision.Int8 when Blocks == StoredBlocks.Q6_K:
                KProduct<Q6KBlock>.CopyRow(this, row / PanelWidth, column, destination);
                break;
            case WeightPrecision.Int8 when Blocks == StoredBlocks.Q5_K:
                KProduct<Q5KBlock>.CopyRow(this, row / PanelWidth, column, destination);
                break;
            case WeightPrecision.Int8 when HasBlocks:
                CopyBlockRow(BlockScales(row / PanelWidth) + column, BlockBytes(row / PanelWidth) + (4 * column), destination);
                break;
            case WeightPrecision.Int8:
                byte* bytes = panel + (4 * column);
                float scale = Scales[row];
                for (int k = 0; k < Depth; k++)
                {
                    destination[k] = (bytes[((long)(k >> 2) * 4 * PanelWidth) + (k & 3)] - Int8Rounding.Offset) * scale;
                }

                break;
            default:
                throw Check.Undefined(Precision, nameof(Precision));
        }
    }

    /// <inheritdoc/>
    public void Multiply<TSink>(Compute compute, Matrix x, byte* quantized, TSink sink)
        where TSink : struct, ISink
    {
        if (Update is not { } update)
        {
            MatrixProduct.Run(compute, this, x, quantized, sink);
            return;
        }

        float[] projected = ArrayPool<float>.Shared.Rent(checked(x.Rows * update.Rank));
        try
        {
            fixed (float* z = projected)
            {
                update.Project(compute, x, z);
                MatrixProduct.Run(compute, this, x, quantized, new LowRankSink<TSink>(update, z, sink));
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(projected);
        }
    }

    /// <summary>Fills a panel from rows in single precision.</summary>
    /// <param name="panel">Index of the panel.</param>
    /// <param name="rows">As many rows of <see cref="Depth"/> numbers as the panel has outputs.</param>
    public void PackPanel(int panel, float* rows)
    {
        int count = Math.Min(PanelWidth, Outputs - (panel * PanelWidth));
        switch (Precision)
        {
            case WeightPrecision.Float32:
                PackSingle((float*)Panel(panel), rows, count);
                break;
            case WeightPrecision.BFloat16:
                PackBFloat16((ushort*)Panel(panel), rows, count);
                break;
            case WeightPrecision.Int4:
                PackInt4(panel, rows, count);
                break;
            case WeightPrecision.Int8:
                PackInt8(Panel(panel), Scales + (panel * PanelWidth), rows, count);
                break;
            default:
                throw Check.Undefined(Precision, nameof(Precision));
        }
    }

    /// <summary>
    /// Fills some steps of k in all panels from a matrix (in, out); not of bytes, whose scale depends on more steps.
    /// </summary>
    /// <param name="firstInput">The first step; at BFloat16, even.</param>
    /// <param name="inputs">The number of steps.</param>
    /// <param name="stored">As many rows of <see cref="Outputs"/> numbers.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // as PackSingle
    public void PackInputs(int firstInput, int inputs, float* stored)
    {
        Debug.Assert(!TakesBytes && firstInput % 2 == 0, "Threads must not share a pair of steps.");
        for (int panel = 0; panel < PanelCount; panel++)
        {
            int column = panel * PanelWidth, count = Math.Min(PanelWidth, Outputs - column);
            float* source = stored + column;
            for (int k = firstInput; k < firstInput + inputs; k++, source += Outputs)
            {
                if (Precision == WeightPrecision.Float32)
                {
                    float* target = (float*)Panel(panel) + ((long)k * PanelWidth);
                    new ReadOnlySpan<float>(source, count).CopyTo(new Span<float>(target, count));
                }
                else
                {
                    ushort* target = (ushort*)Panel(panel) + ((long)(k >> 1) * 2 * PanelWidth) + (k & 1);
                    for (int output = 0; output < count; output++) target[2 * output] = BFloat16Rounding.Round(source[output]);
                }
            }
        }
    }

    /// <summary>Fills a panel from rows of <see cref="Blocks"/>, losing nothing.</summary>
    /// <param name="panel">Index of the panel.</param>
    /// <param name="rows">As many rows of blocks, in the file's format, as the panel has outputs.</param>
    public void PackBlocks(int panel, byte* rows)
    {
        int count = Math.Min(PanelWidth, Outputs - (panel * PanelWidth));
        if (Blocks == StoredBlocks.Q8_0) PackQ8(panel, rows, count);
        else if (Blocks == StoredBlocks.Q4_K) PackQ4K(panel, rows, count);
        else if (Blocks == StoredBlocks.Q5_K) KProduct<Q5KBlock>.Pack(this, panel, rows, count);
        else KProduct<Q6KBlock>.Pack(this, panel, rows, count);
    }

    private void PackQ8(int panel, byte* rows, int count)
    {
        int blockCount = Depth / Q8Block.Length;
        Half* scales = BlockScales(panel);
        uint* fours = (uint*)BlockBytes(panel);
        new Span<Half>(scales, blockCount * PanelWidth).Clear();
        new Span<uint>(fours, checked(Depth / 4 * PanelWidth)).Fill(OffsetOfFour);
        for (int output = 0; output < count; output++)
        {
            for (int block = 0; block < blockCount; block++, rows += Q8Block.Size)
            {
                scales[(block * PanelWidth) + output] = BinaryPrimitives.ReadHalfLittleEndian(new ReadOnlySpan<byte>(rows, 2));
                uint* four = fours + ((long)block * (Q8Block.Length / 4) * PanelWidth) + output;
                for (int i = 2; i < Q8Block.Size; i += 4, four += PanelWidth) *four = Unsafe.ReadUnaligned<uint>(rows + i) ^ OffsetOfFour;
            }
        }
    }

    private void PackQ4K(int panel, byte* rows, int count)
    {
        int superBlocks = Depth / Q4KBlock.Length;
        float* units = (float*)Panel(panel), least = units + (superBlocks * PanelWidth);
        byte* factors = (byte*)(least + (superBlocks * PanelWidth)), ofMinimums = factors + (superBlocks * Q4KBlock.Groups * PanelWidth);
        new Span<byte>(Panel(panel), checked((int)PanelStride)).Clear();
        for (int output = 0; output < count; output++)
        {
            for (int super = 0; super < superBlocks; super++, rows += Q4KBlock.Size)
            {
                var bytes = new ReadOnlySpan<byte>(rows, Q4KBlock.Size);
                units[(super * PanelWidth) + output] = (float)BinaryPrimitives.ReadHalfLittleEndian(bytes);
                least[(super * PanelWidth) + output] = -(float)BinaryPrimitives.ReadHalfLittleEndian(bytes[2..]);
                for (int group = 0; group < Q4KBlock.Groups; group++)
                {
                    int block = (super * Q4KBlock.Groups) + group;
                    var (scale, minimum) = Q4KBlock.FactorsOf(bytes[4..], group);
                    factors[(block * PanelWidth) + output] = (byte)scale;
                    ofMinimums[(block * PanelWidth) + output] = (byte)minimum;
                    var nibbles = bytes[(4 + Q4KBlock.FactorBytes)..];
                    byte* target = BlockBytes(panel) + (((long)block * 16 * PanelWidth) + (4 * output));
                    for (int i = 0; i < 16; i++)
                    {
                        target[((i / 4) * 4 * PanelWidth) + (i % 4)] =
                            (byte)(Q4KBlock.NibbleOf(nibbles, group, i) | (Q4KBlock.NibbleOf(nibbles, group, i + 16) << 4));
                    }
                }
            }
        }
    }

    private void CopyBlockRow(Half* scales, byte* bytes, float* destination)
    {
        for (int k = 0; k < Depth; k++)
        {
            destination[k] = (float)scales[k / Q8Block.Length * PanelWidth]
                * (bytes[((long)(k >> 2) * 4 * PanelWidth) + (k & 3)] - Int8Rounding.Offset);
        }
    }

    private void CopyNibbleRow(int panel, int column, float* destination)
    {
        float* scales = stackalloc float[2 * PanelWidth], minimums = scales + PanelWidth;
        byte* nibbles = BlockBytes(panel) + (4 * column);
        for (int k = 0; k < Depth; k++)
        {
            int block = k / Q4Block.Length, step = k % 16;
            if (k % Q4Block.Length == 0) WidenScales(panel, block, 1, scales, minimums);
            byte both = nibbles[((((long)block * 4) + (step / 4)) * 4 * PanelWidth) + (step % 4)];
            int nibble = k % Q4Block.Length < 16 ? both & 0xF : both >> 4;
            destination[k] = (scales[column] * nibble) + minimums[column];
        }
    }

    private void PackInt4(int panel, float* rows, int count)
    {
        int blocks = Depth / Q4Block.Length;
        Half* scales = BlockScales(panel);
        byte* nibbles = BlockBytes(panel), fitted = stackalloc byte[Q4Block.Length];
        new Span<byte>(Panel(panel), checked((int)PanelStride)).Clear();
        for (int output = 0; output < count; output++)
        {
            for (int block = 0; block < blocks; block++, rows += Q4Block.Length)
            {
                int scale = (block * PanelWidth) + output;
                Q4Block.Fit(rows, out scales[scale], out scales[(blocks * PanelWidth) + scale], fitted);
                byte* target = nibbles + (((long)block * 16 * PanelWidth) + (4 * output));
                for (int i = 0; i < 16; i++) target[((i / 4) * 4 * PanelWidth) + (i % 4)] = (byte)(fitted[i] | (fitted[i + 16] << 4));
            }
        }
    }

    // Four outputs at a time: one store for what would be four.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // most of a model passes through here, usually once per process
    private void PackSingle(float* panel, float* rows, int count)
    {
        int depth = Depth, width = PanelWidth, wholeFours = count & ~3;
        for (int start = 0; start < depth; start += PackingDepth)
        {
            int end = Math.Min(start + PackingDepth, depth);
            for (int output = 0; output < wholeFours; output += 4)
            {
                float* first = rows + ((long)output * depth), second = first + depth, third = second + depth, fourth = third + depth;
                float* target = panel + ((long)start * width) + output;
                for (int k = start; k < end; k++, target += width)
                {
                    Vector128.Create(first[k], second[k], third[k], fourth[k]).Store(target);
                }
            }

            for (int output = wholeFours; output < count; output++)
            {
                float* row = rows + ((long)output * depth);
                for (int k = start; k < end; k++) panel[((long)k * width) + output] = row[k];
            }
        }
    }

    private void PackBFloat16(ushort* panel, float* rows, int count)
    {
        for (int start = 0; start < Depth; start += PackingDepth)
        {
            int end = Math.Min(start + PackingDepth, Depth);
            for (int output = 0; output < count; output++)
            {
                float* row = rows + ((long)output * Depth);
                for (int k = start; k < end; k++)
                {
                    panel[((long)(k >> 1) * 2 * PanelWidth) + (2 * output) + (k & 1)] = BFloat16Rounding.Round(row[k]);
                }
            }
        }
    }

    private void PackInt8(byte* panel, float* scales, float* rows, int count)
    {
        new Span<byte>(panel, checked((int)PanelStride)).Fill((byte)Int8Rounding.Offset);
        for (int output = 0; output < count; output++)
        {
            float* row = rows + ((long)output * Depth);
            float scale = Int8Rounding.ScaleOf(new ReadOnlySpan<float>(row, Depth));
            float inverse = scale > 0 ? 1 / scale : 0;
            scales[output] = scale;
            for (int k = 0; k < Depth; k++)
            {
                panel[((long)(k >> 2) * 4 * PanelWidth) + (4 * output) + (k & 3)] =
                    (byte)(Int8Rounding.Round(row[k], inverse) + Int8Rounding.Offset);
            }
        }
    }
}
