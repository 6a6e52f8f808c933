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
                for (int k = 32 * block; k < Math.Min(depth, 32 * (block + 1)); k++)
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
        var matrix = Allocate(arena, depth, WeightPrecision.Int8, StoredBlocks.Q8_0);
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
                y = float.MultiplyAddEstimate(sum, QuantizedRow.ScalesOf(x, depth)[block] * scale, y);
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
        var matrix = Allocate(arena, depth, WeightPrecision.Int4, StoredBlocks.Q4_K);
        fixed (byte* rows = file)
        {
            for (int panel = 0; panel < 2; panel++) matrix.PackBlocks(panel, rows + (panel * 48 * rowLength));
        }

        float[] expected = LlamaCpp.Dequantize("q4_K", file, numbers.Length), actual = new float[depth];
        for (int output = 0; output < Outputs; output++)
        {
            fixed (float* row = actual) matrix.CopyRow(output, row);
            Assert.Equal(expected[(output * depth)..((output + 1) * depth)], actual);
        }

        CheckNibbles(matrix);
    }

    /// <summary>Any bits, with scales of both signs and the greatest magnitudes.</summary>
    [Theory]
    [InlineData(256)]
    [InlineData(768)]
    [InlineData(1280)]
    public void Six_bits(int depth)
    {
        int blocks = depth / Q6KBlock.Length, rowLength = blocks * Q6KBlock.Size;
        byte[] file = new byte[2 * 48 * rowLength];
        var random = new Random(depth);
        random.NextBytes(file);
        for (int i = Q6KBlock.Size; i <= file.Length; i += Q6KBlock.Size)
        {
            var unit = i % 7 == 0 ? Half.Zero : i % 11 == 0 ? Half.Epsilon : (Half)((random.NextSingle() - 0.5f) / 1000);
            BinaryPrimitives.WriteHalfLittleEndian(file.AsSpan(i - 2), unit);
        }

        file.AsSpan(0, 192).Clear(); // -32 everywhere, times -128
        file.AsSpan(192, 16).Fill(0x80);
        file.AsSpan(rowLength, 192).Fill(0xFF);
        using var arena = new NativeArena("a test");
        var matrix = PackAsGgmlDequantizes(arena, depth, file, StoredBlocks.Q6_K, "q6_K");
        Check(matrix, (x, output) =>
        {
            float y = 0;
            for (int block = 0; block < depth / 64; block++)
            {
                var stored = file.AsSpan((output * rowLength) + (block / 4 * Q6KBlock.Size), Q6KBlock.Size);
                int sum = 0;
                for (int k = 64 * block; k < 64 * (block + 1); k++)
                {
                    sum += Q6KBlock.ScaleOf(stored, k % 256 / 16) * (Q6KBlock.NumberOf(stored, k % 256) - 32) * ((sbyte*)x)[k];
                }

                y = float.MultiplyAddEstimate(sum, QuantizedRow.ScalesOf(x, depth)[2 * block] * (float)Q6KBlock.UnitOf(stored), y);
            }

            return y;
        });
    }

    /// <summary>Any bits, with the greatest factors.</summary>
    [Theory]
    [InlineData(256)]
    [InlineData(768)]
    [InlineData(1280)]
    public void Five_bits(int depth)
    {
        int blocks = depth / Q4KBlock.Length, rowLength = blocks * Q5KBlock.Size;
        byte[] file = new byte[2 * 48 * rowLength];
        var random = new Random(depth);
        random.NextBytes(file);
        for (int i = 0; i < file.Length; i += Q5KBlock.Size)
        {
            Half unit = (Half)((random.NextSingle() - 0.5f) / 1000), minimum = (Half)((random.NextSingle() - 0.5f) / 99);
            BinaryPrimitives.WriteHalfLittleEndian(file.AsSpan(i), i % 7 == 0 ? Half.Zero : unit);
            BinaryPrimitives.WriteHalfLittleEndian(file.AsSpan(i + 2), i % 5 == 0 ? Half.Epsilon : minimum);
        }

        file.AsSpan(4, Q5KBlock.Size - 4).Fill(0xFF);
        using var arena = new NativeArena("a test");
        var matrix = PackAsGgmlDequantizes(arena, depth, file, StoredBlocks.Q5_K, "q5_K");
        Check(matrix, (x, output) =>
        {
            float y = 0;
            for (int block = 0; block < depth / 64; block++)
            {
                var stored = file.AsSpan((output * rowLength) + (block / 4 * Q5KBlock.Size), Q5KBlock.Size);
                int sum = 0, least = 0;
                for (int k = 64 * block; k < 64 * (block + 1); k++)
                {
                    var (scale, minimum) = Q5KBlock.FactorsOf(stored, k % 256 / 32);
                    sum += scale * Q5KBlock.NumberOf(stored, k % 256) * ((sbyte*)x)[k];
                    least -= 32 * minimum * ((sbyte*)x)[k];
                }

                float rowScale = QuantizedRow.ScalesOf(x, depth)[2 * block];
                y = float.MultiplyAddEstimate(sum, rowScale * (float)Q5KBlock.UnitOf(stored), y);
                y = float.MultiplyAddEstimate(least, rowScale * ((float)Q5KBlock.MinimumOf(stored) / 32), y);
            }

            return y;
        });
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

                float rowScale = QuantizedRow.ScalesOf(x, depth)[block];
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

    // Packs a file's rows, of two panels, and holds each number to GGML's dequantizer.
    private static PackedMatrix PackAsGgmlDequantizes(NativeArena arena, int depth, byte[] file, StoredBlocks blocks, string type)
    {
        var matrix = Allocate(arena, depth, WeightPrecision.Int8, blocks);
        fixed (byte* rows = file)
        {
            for (int panel = 0; panel < 2; panel++) matrix.PackBlocks(panel, rows + (panel * file.Length / 2));
        }

        float[] expected = LlamaCpp.Dequantize(type, file, 2 * 48 * depth), actual = new float[depth];
        for (int output = 0; output < Outputs; output++)
        {
            fixed (float* row = actual) matrix.CopyRow(output, row);
            Assert.Equal(expected[(output * depth)..((output + 1) * depth)], actual);
        }

        return matrix;
    }

    private static PackedMatrix Allocate(
        NativeArena arena, int depth, WeightPrecision precision, StoredBlocks blocks = StoredBlocks.None)
    {
        var matrix = new PackedMatrix(arena, "test", Outputs, depth, precision, Int8Product.PanelWidth, blocks);
        arena.Allocate();
        return matrix;
    }

    private static void Check(PackedMatrix matrix, Reference reference)
    {
        int depth = matrix.Depth, stride = QuantizedRow.StrideOf(depth);
        using var x = KernelSetTests.Numbers((MostRows + 8) * depth, 3);
        KernelSetTests.At(x)[depth / 2] = -30;
        using var quantized = NativeBlock.Allocate(MostRows * stride, "a test");
        MatrixProduct.Quantize(matrix, KernelSetTests.At(x), depth, MostRows, quantized.Pointer, threadCount: 1);
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
                foreach (int rows in new[] { 1, 2, 3, 4, 5, 8, 11, 12, MostRows })
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
