using System.Buffers.Binary;
using System.Runtime.InteropServices;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Tests.Formats.Gguf;

namespace MLNet.Gpt.Tests.Numerics.Kernels;

/// <summary>
/// Products of quantized rows have the bits of a plain loop, whatever the kernel: for one row and for many, at every
/// register width, on every number of threads.
/// </summary>
public unsafe class QuantizedProductTests
{
    private const int Outputs = 61; // one panel and a part of another
    private const int MostRows = 131; // more than a block of rows, and no multiple of a tile

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(63)]
    [InlineData(65)]
    [InlineData(257)]
    [InlineData(769)]
    [InlineData(1100)]
    public void Bytes(int depth)
    {
        using var arena = new NativeArena("a test");
        var matrix = Allocate(arena, depth, WeightPrecision.Int8);
        using var numbers = KernelSetTests.Numbers(2 * 48 * depth, 2);
        for (int panel = 0; panel < 2; panel++) matrix.PackPanel(panel, KernelSetTests.At(numbers) + (panel * 48 * depth));
        Check(matrix, (x, output) =>
        {
            byte* weights = matrix.Panel(output / 48) + (4 * (output % 48));
            float y = 0;
            for (int block = 0; block < QuantizedRow.BlockCountOf(depth); block++)
            {
                int sum = 0;
                for (int k = 64 * block; k < Math.Min(depth, 64 * (block + 1)); k++)
                {
                    sum += (weights[(k / 4 * 192) + (k % 4)] - 128) * ((sbyte*)x)[k];
                }

                y = float.MultiplyAddEstimate(sum, QuantizedRow.ScalesOf(x, depth)[block], y);
            }

            return y * matrix.Scales[output];
        });
    }

    [Theory]
    [InlineData(32)]
    [InlineData(96)]
    [InlineData(256)]
    [InlineData(288)]
    [InlineData(1056)]
    public void Bytes_of_blocks(int depth)
    {
        using var arena = new NativeArena("a test");
        var matrix = Allocate(arena, depth, WeightPrecision.Int8, hasBlocks: true);
        int blocks = depth / 32, rowLength = blocks * Q8Block.Size;
        byte[] file = new byte[2 * 48 * rowLength];
        var random = new Random(depth);
        random.NextBytes(file);
        for (int i = 0; i < file.Length; i += Q8Block.Size)
        {
            var scale = i % 7 == 0 ? Half.Zero : i % 11 == 0 ? Half.Epsilon : (Half)((random.NextSingle() - 0.5f) / 100);
            BinaryPrimitives.WriteHalfLittleEndian(file.AsSpan(i), scale);
        }

        fixed (byte* rows = file)
        {
            for (int panel = 0; panel < 2; panel++) matrix.PackBlocks(panel, rows + (panel * 48 * rowLength));
        }

        Check(matrix, (x, output) =>
        {
            byte* weights = matrix.BlockBytes(output / 48) + (4 * (output % 48));
            float y = 0;
            for (int block = 0; block < blocks; block++)
            {
                int sum = 0;
                for (int k = 32 * block; k < 32 * (block + 1); k++) sum += (weights[(k / 4 * 192) + (k % 4)] - 128) * ((sbyte*)x)[k];
                float scale = (float)matrix.BlockScales(output / 48)[(48 * block) + (output % 48)];
                y = float.MultiplyAddEstimate(sum, QuantizedRow.ScalesOf(x, depth)[block / 2] * scale, y);
            }

            return y;
        });
    }

    [Theory]
    [InlineData(32)]
    [InlineData(96)]
    [InlineData(512)]
    [InlineData(1056)]
    public void Nibbles(int depth)
    {
        using var arena = new NativeArena("a test");
        var matrix = Allocate(arena, depth, WeightPrecision.Int4);
        using var numbers = KernelSetTests.Numbers(2 * 48 * depth, 2);
        for (int panel = 0; panel < 2; panel++) matrix.PackPanel(panel, KernelSetTests.At(numbers) + (panel * 48 * depth));
        CheckNibbles(matrix);
    }

    [Theory]
    [InlineData(256)]
    [InlineData(768)]
    public void Nibbles_of_super_blocks(int depth)
    {
        float[] numbers = new float[2 * 48 * depth];
        var random = new Random(depth);
        for (int i = 0; i < numbers.Length; i++) numbers[i] = (random.NextSingle() - 0.4f) * random.NextSingle();
        int rowLength = depth / Q4KBlock.Length * Q4KBlock.Size;
        byte[] file = LlamaCpp.Quantize(12, numbers, depth, rowLength);
        using var arena = new NativeArena("a test");
        var matrix = Allocate(arena, depth, WeightPrecision.Int4, hasSuperBlocks: true);
        fixed (byte* rows = file)
        {
            for (int panel = 0; panel < 2; panel++) matrix.PackSuperBlocks(panel, rows + (panel * 48 * rowLength));
        }

        float[] expected = LlamaCpp.Dequantize("q4_K", file, numbers.Length), actual = new float[depth];
        for (int output = 0; output < Outputs; output++)
        {
            fixed (float* row = actual) matrix.CopyRow(output, row);
            Assert.Equal(expected[(output * depth)..((output + 1) * depth)], actual);
        }

        CheckNibbles(matrix);
    }

    private static void CheckNibbles(PackedMatrix matrix)
    {
        int depth = matrix.Depth, blocks = depth / 32, ofPanel = blocks * 48;
        float[] scales = new float[2 * ofPanel], minimums = new float[2 * ofPanel];
        fixed (float* s = scales, m = minimums)
        {
            for (int panel = 0; panel < 2; panel++) matrix.WidenScales(panel, 0, blocks, s + (panel * ofPanel), m + (panel * ofPanel));
        }

        Check(matrix, (x, output) =>
        {
            byte* nibbles = matrix.BlockBytes(output / 48) + (4 * (output % 48));
            int scale = (output / 48 * ofPanel) + (output % 48);
            float y = 0;
            for (int block = 0; block < blocks; block++)
            {
                int sum = 0, sumOfRow = 0;
                for (int k = 0; k < 32; k++)
                {
                    byte both = nibbles[(((block * 4) + (k % 16 / 4)) * 192) + (k % 4)];
                    int number = ((sbyte*)x)[(32 * block) + k];
                    sum += (k < 16 ? both & 0xF : both >> 4) * number;
                    sumOfRow += number;
                }

                float rowScale = QuantizedRow.ScalesOf(x, depth)[block / 2];
                y = float.MultiplyAddEstimate(sum, rowScale * scales[scale + (48 * block)], y);
                y = float.MultiplyAddEstimate(rowScale * sumOfRow, minimums[scale + (48 * block)], y);
            }

            return y;
        });
    }

    [Fact]
    public void Every_half_is_widened_exactly()
    {
        const int Blocks = (65_536 + 47) / 48;
        Half[] halves = [.. Enumerable.Range(0, Blocks * 48).Select(bits => BitConverter.UInt16BitsToHalf((ushort)bits))];
        float[] widened = new float[halves.Length];
        fixed (Half* source = halves)
        fixed (float* target = widened) BlockSums.Widen(source, Blocks, target);
        for (int i = 0; i < halves.Length; i++)
        {
            if (Half.IsNaN(halves[i])) Assert.True(float.IsNaN(widened[i]));
            else Assert.Equal(BitConverter.SingleToUInt32Bits((float)halves[i]), BitConverter.SingleToUInt32Bits(widened[i]));
        }
    }

    private delegate float Reference(byte* row, int output);

    private static PackedMatrix Allocate(
        NativeArena arena, int depth, WeightPrecision precision, bool hasBlocks = false, bool hasSuperBlocks = false)
    {
        var matrix = new PackedMatrix(arena, "test", Outputs, depth, precision, Int8Product.PanelWidth, hasBlocks, hasSuperBlocks);
        arena.Allocate();
        return matrix;
    }

    private static void Check(PackedMatrix matrix, Reference reference)
    {
        int depth = matrix.Depth, stride = QuantizedRow.StrideOf(depth);
        using var x = KernelSetTests.Numbers((MostRows + 8) * depth, 3);
        KernelSetTests.At(x)[depth / 2] = -30;
        using var quantized = NativeBlock.Allocate(MostRows * stride, "a test");
        MatrixProduct.Quantize(depth, KernelSetTests.At(x), depth, MostRows, quantized.Pointer, threadCount: 1);
        float[] expected = new float[MostRows * Outputs], actual = new float[MostRows * Outputs];
        for (int row = 0; row < MostRows; row++)
        {
            for (int output = 0; output < Outputs; output++)
            {
                expected[(row * Outputs) + output] = reference(quantized.Pointer + (row * stride), output);
            }
        }

        foreach (var kernels in KernelSet.All)
        {
            foreach (int threads in new[] { 1, 2 })
            {
                foreach (int rows in new[] { 1, 2, 3, 4, 5, 8, 11, MostRows })
                {
                    Array.Fill(actual, float.NaN);
                    fixed (float* y = actual)
                    {
                        var inputs = new Matrix(KernelSetTests.At(x), rows, depth, depth, spareRows: 8);
                        var sink = new StoreSink(new Matrix(y, rows, Outputs, Outputs));
                        MatrixProduct.Run(new(kernels, threads), matrix, inputs, quantized.Pointer, sink);
                    }

                    Assert.True(
                        MemoryMarshal.AsBytes(actual.AsSpan(0, rows * Outputs)).SequenceEqual(
                            MemoryMarshal.AsBytes(expected.AsSpan(0, rows * Outputs))),
                        $"{rows} rows, {kernels}, {threads} threads");
                }
            }
        }
    }
}
