using System.Buffers.Binary;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Tests.Numerics.Kernels;

public unsafe class Int8KernelTests
{
    public static TheoryData<int> Depths => [1, 3, 4, 5, 63, 64, 65, 128, 769, 3072];

    [Fact]
    public void Groups_of_four_multiply_and_add_without_saturating()
    {
        var random = new Random(1);
        byte[] unsigned = new byte[32], signed = new byte[32];
        for (int round = 0; round < 200; round++)
        {
            random.NextBytes(unsigned);
            random.NextBytes(signed);
            if (round == 0)
            {
                Array.Fill(unsigned, (byte)255); // the sums of two products, ±32640, just fit 16 bits
                for (int i = 0; i < 32; i++) signed[i] = unchecked((byte)(i < 16 ? 64 : -64));
            }

            // Quantizing produces no greater sums of two positive or two negative bytes.
            for (int i = 0; i < 32; i += 2)
            {
                int first = (sbyte)signed[i], second = (sbyte)signed[i + 1];
                if (Math.Abs(first + second) > 128) (signed[i], signed[i + 1]) = ((byte)(first / 2), (byte)(second / 2));
                else if (Math.Max(Math.Abs(first), Math.Abs(second)) > 127) signed[i] = signed[i + 1] = 0;
            }

            var left = Vector256.Create(unsigned);
            var right = Vector256.Create(signed).AsSByte();
            var sum = Vector256.Create(1000 * round);
            var actual = Int8Product.MultiplyAddFours(sum, left, right);
            Assert.Equal(Int8Product.MultiplyAddFoursPlain(sum, left, right), actual);
            for (int lane = 0; lane < 8; lane++)
            {
                int expected = 1000 * round;
                for (int i = 4 * lane; i < (4 * lane) + 4; i++) expected += unsigned[i] * (sbyte)signed[i];
                Assert.Equal(expected, actual[lane]);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Depths))]
    public void A_row_is_within_half_a_step_of_its_bytes(int depth)
    {
        using var x = KernelSetTests.Numbers(depth, 1);
        using var row = NativeBlock.Allocate(QuantizedRow.StrideOf(depth), "a test");
        float* numbers = KernelSetTests.At(x);
        numbers[depth / 2] = -30; // an outlier reduces only its own block's precision
        QuantizedRow.Quantize(numbers, depth, row.Pointer);
        for (int block = 0; block < QuantizedRow.BlockCountOf(depth); block++)
        {
            int first = block * QuantizedRow.BlockLength, end = Math.Min(depth, first + QuantizedRow.BlockLength);
            int sum = 0;
            float largest = 0;
            for (int i = first; i < end; i += 2)
            {
                float one = numbers[i], other = i + 1 < end ? numbers[i + 1] : 0;
                largest = new[] { largest, Math.Abs(one), Math.Abs(other), Math.Abs(one + other) * (127.49f / 127.99f) }.Max();
            }

            float scale = QuantizedRow.ScalesOf(row.Pointer, depth)[block];
            Assert.Equal(largest / 127.49f, scale, 1e-6 * scale);
            for (int i = first; i < end; i++)
            {
                sbyte value = ((sbyte*)row.Pointer)[i];
                sum += value;
                int pair = i % 2 == 0 ? value + ((sbyte*)row.Pointer)[i + 1] : 0;
                Assert.InRange(Math.Abs(pair), 0, 128); // times 255, it fits 16 bits
                Assert.Equal(numbers[i], value * scale, 0.5001 * scale);
            }

            Assert.Equal(-128 * sum, QuantizedRow.CorrectionsOf(row.Pointer, depth)[block]);
        }
    }

    [Theory]
    [MemberData(nameof(Depths))]
    public void A_product_equals_that_of_the_quantized_numbers(int depth)
    {
        const int Outputs = 61; // one panel and a part of another
        using var arena = new NativeArena("a test");
        var matrix = new PackedMatrix(arena, "test", Outputs, depth, WeightPrecision.Int8, Int8Product.PanelWidth);
        arena.Allocate();
        using var rows = KernelSetTests.Numbers(96 * depth, 2);
        for (int panel = 0; panel < 2; panel++) matrix.PackPanel(panel, KernelSetTests.At(rows) + (panel * 48 * depth));

        using var x = KernelSetTests.Numbers(depth, 3);
        using var quantized = NativeBlock.Allocate(QuantizedRow.StrideOf(depth), "a test");
        using var y = KernelSetTests.Numbers(96, 4);
        QuantizedRow.Quantize(KernelSetTests.At(x), depth, quantized.Pointer);
        MatrixProduct.MultiplyVector(KernelSet.Best, matrix, 0, 2, KernelSetTests.At(x), quantized.Pointer, KernelSetTests.At(y));

        float[] weights = new float[depth];
        for (int output = 0; output < Outputs; output++)
        {
            double expected = 0, exact = 0;
            fixed (float* row = weights) matrix.CopyRow(output, row);
            for (int k = 0; k < depth; k++)
            {
                float* original = KernelSetTests.At(rows) + ((long)output * depth);
                Assert.Equal(original[k], weights[k], 0.5001 * matrix.Scales[output]);
                expected += (double)weights[k] * ((sbyte*)quantized.Pointer)[k] * QuantizedRow.ScalesOf(quantized.Pointer, depth)[k / 32];
                exact += (double)original[k] * KernelSetTests.At(x)[k];
            }

            Assert.Equal(expected, KernelSetTests.At(y)[output], 1e-5 * Math.Sqrt(depth));
            Assert.Equal(exact, KernelSetTests.At(y)[output], 0.01 * Math.Sqrt(depth));
        }
    }

    [Theory]
    [InlineData(32)]
    [InlineData(64)]
    [InlineData(96)]
    [InlineData(1056)]
    [InlineData(3072)]
    public void A_product_of_blocks_equals_that_of_their_numbers_for_one_row_and_for_many(int depth)
    {
        const int Outputs = 61, Rows = 5;
        int rowLength = depth / Q8Block.Length * Q8Block.Size;
        byte[] blocks = new byte[Outputs * rowLength];
        var random = new Random(depth);
        random.NextBytes(blocks);
        for (int block = 0; block < blocks.Length / Q8Block.Size; block++)
        {
            // Scales of any size, including zero and subnormal ones; bytes of any value, including −128.
            var scale = block % 7 == 0 ? Half.Zero : block % 11 == 0 ? Half.Epsilon : (Half)(random.NextSingle() / 100);
            BinaryPrimitives.WriteHalfLittleEndian(blocks.AsSpan(block * Q8Block.Size), scale);
        }

        using var arena = new NativeArena("a test");
        var matrix = new PackedMatrix(arena, "test", Outputs, depth, WeightPrecision.Int8, Int8Product.PanelWidth, StoredBlocks.Q8_0);
        arena.Allocate();
        fixed (byte* start = blocks)
        {
            matrix.PackBlocks(0, start);
            matrix.PackBlocks(1, start + (48 * rowLength));
        }

        int stride = QuantizedRow.StrideOf(depth);
        using var x = KernelSetTests.Numbers(Rows * depth, 3);
        using var quantized = NativeBlock.Allocate(Rows * stride, "a test");
        MatrixProduct.Quantize(matrix, KernelSetTests.At(x), depth, Rows, quantized.Pointer, threadCount: 1);
        using var tile = NativeBlock.Allocate(4 * MatrixProduct.ScratchLength, "a test");
        using var single = KernelSetTests.Numbers(48, 4);
        float[] weights = new float[depth];
        for (int panel = 0; panel < 2; panel++)
        {
            MatrixProduct.MultiplyPanel(
                KernelSet.Best, matrix, panel, KernelSetTests.At(x), depth, Rows, quantized.Pointer, (float*)tile.Pointer);
            for (int row = 0; row < Rows; row++)
            {
                byte* bytes = quantized.Pointer + (row * stride);
                MatrixProduct.MultiplyVector(KernelSet.Best, matrix, panel, 1, null, bytes, KernelSetTests.At(single));
                for (int column = 0; column < 48; column++)
                {
                    float actual = ((float*)tile.Pointer)[(row * 48) + column];
                    Assert.Equal(KernelSetTests.At(single)[column], actual);
                    int output = (panel * 48) + column;
                    if (output >= Outputs)
                    {
                        Assert.Equal(0, actual);
                        continue;
                    }

                    double expected = 0;
                    fixed (float* target = weights) matrix.CopyRow(output, target);
                    for (int k = 0; k < depth; k++)
                    {
                        var block = blocks.AsSpan((output * rowLength) + (k / 32 * Q8Block.Size), Q8Block.Size);
                        Assert.Equal((float)BinaryPrimitives.ReadHalfLittleEndian(block) * (sbyte)block[2 + (k % 32)], weights[k]);
                        expected += (double)weights[k] * ((sbyte*)bytes)[k] * QuantizedRow.ScalesOf(bytes, depth)[k / 32];
                    }

                    Assert.Equal(expected, actual, 1e-5 * Math.Sqrt(depth));
                }
            }
        }
    }

    [Theory]
    [InlineData(1f)]
    [InlineData(1.00390625f)] // halfway between two bfloat16 numbers: to the even one below
    [InlineData(1.01171875f)] // halfway: to the even one above
    [InlineData(-3.1415927f)]
    [InlineData(1e-40f)]
    [InlineData(3.4e38f)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NaN)]
    public void Bfloat16_rounds_to_the_nearest_even(float value)
    {
        // Finds the nearest one by exhaustive search.
        float rounded = BFloat16Rounding.Widen(BFloat16Rounding.Round(value));
        if (!float.IsFinite(value))
        {
            Assert.Equal(value, rounded);
            return;
        }

        uint bits = BitConverter.SingleToUInt32Bits(value);
        float down = BitConverter.UInt32BitsToSingle(bits & 0xFFFF0000),
            up = BitConverter.UInt32BitsToSingle((bits & 0xFFFF0000) + 0x10000);
        double below = Math.Abs((double)value - down),
            above = Math.Abs((float.IsInfinity(up) ? Math.Sign(value) * Math.Pow(2, 128) : up) - (double)value);
        bool isDownEven = ((bits >> 16) & 1) == 0;
        Assert.Equal(below < above || (below == above && isDownEven) ? down : up, rounded);
    }
}
