using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Tests.Formats.Gguf;

namespace MLNet.Gpt.Tests.Numerics.Kernels;

public unsafe class Int4KernelTests
{
    private const int Outputs = 61; // one panel and a part of another

    [Theory]
    [InlineData(32)]
    [InlineData(64)]
    [InlineData(96)]
    [InlineData(1056)]
    [InlineData(3072)]
    public void A_product_equals_that_of_the_rounded_numbers_for_one_row_and_for_many(int depth)
    {
        const int Rows = 5;
        using var numbers = KernelSetTests.Numbers(96 * depth, 2);
        using var arena = new NativeArena("a test");
        var matrix = Pack(arena, depth, KernelSetTests.At(numbers));
        int stride = QuantizedRow.StrideOf(depth);
        using var x = KernelSetTests.Numbers(Rows * depth, 3);
        KernelSetTests.At(x)[depth / 2] = -30;
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

                    double expected = 0, size = 0;
                    fixed (float* target = weights) matrix.CopyRow(output, target);
                    for (int k = 0; k < depth; k++)
                    {
                        double product = (double)weights[k] * ((sbyte*)bytes)[k] * QuantizedRow.ScalesOf(bytes, depth)[k / 32];
                        expected += product;
                        size += Math.Abs(product);
                    }

                    Assert.Equal(expected, actual, 1e-6 * size);
                }
            }
        }
    }

    /// <summary>The greatest nibbles and bytes, whose sums must not overflow.</summary>
    [Fact]
    public void The_greatest_sums_fit()
    {
        const int Depth = 64;
        float[] numbers = new float[96 * Depth];
        for (int i = 0; i < numbers.Length; i++) numbers[i] = i % 32 == 0 ? 0 : 15; // nibbles of 15 and a minimum of 0
        using var arena = new NativeArena("a test");
        PackedMatrix matrix;
        fixed (float* rows = numbers) matrix = Pack(arena, Depth, rows);
        using var quantized = NativeBlock.Allocate(QuantizedRow.StrideOf(Depth), "a test");
        float[] x = [.. Enumerable.Repeat(-127f, Depth)], y = new float[48];
        fixed (float* row = x, sums = y)
        {
            QuantizedRow.Quantize(row, Depth, quantized.Pointer);
            for (int i = 0; i < Depth; i++) quantized.Pointer[i] = unchecked((byte)-127); // greater than any that rounding produces
            for (int block = 0; block < Depth / 32; block++)
            {
                QuantizedRow.ScalesOf(quantized.Pointer, Depth)[block] = 1;
                QuantizedRow.CorrectionsOf(quantized.Pointer, Depth)[block] = 128 * 127 * 32;
            }

            MatrixProduct.MultiplyVector(KernelSet.Best, matrix, 0, 1, null, quantized.Pointer, sums);
        }

        Assert.All(y, sum => Assert.Equal(-127 * 15 * 62, sum));
    }

    [Theory]
    [InlineData(2, "q4_0", 18, 32, false, 0)]
    [InlineData(2, "q4_0", 18, 32, true, 0)]
    [InlineData(3, "q4_1", 20, 32, false, 0)]
    [InlineData(12, "q4_K", 144, 256, true, 1e-3)]
    public void Numbers_of_blocks_that_GGML_made_are_kept(
        int type, string name, int blockSize, int blockLength, bool searches, double tolerance)
    {
        const int Depth = 512;
        var random = new Random(type);
        float[] numbers = [.. Enumerable.Range(0, 96 * Depth).Select(_ => (float)((random.NextDouble() - 0.4) * random.NextDouble()))];
        byte[] quantized = LlamaCpp.Quantize(type, numbers, Depth, Depth / blockLength * blockSize, searches);
        float[] expected = LlamaCpp.Dequantize(name, quantized, numbers.Length), actual = new float[Depth];
        using var arena = new NativeArena("a test");
        PackedMatrix matrix;
        fixed (float* rows = expected) matrix = Pack(arena, Depth, rows);
        for (int output = 0; output < Outputs; output++)
        {
            fixed (float* row = actual) matrix.CopyRow(output, row);
            for (int k = 0; k < Depth; k++) Assert.Equal(expected[(output * Depth) + k], actual[k], tolerance);
        }
    }

    [Fact]
    public void Blocks_are_nearer_to_numbers_than_GGMLs()
    {
        const int Depth = 4096;
        var random = new Random(7);
        float[] numbers = new float[96 * Depth];
        for (int i = 0; i < numbers.Length; i++)
        {
            double angle = 2 * Math.PI * random.NextDouble();
            numbers[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(angle)); // normally distributed
        }

        byte[] quantized = LlamaCpp.Quantize(3, numbers, Depth, Depth / 32 * 20, searches: false);
        float[] theirs = LlamaCpp.Dequantize("q4_1", quantized, numbers.Length);
        using var arena = new NativeArena("a test");
        PackedMatrix matrix;
        fixed (float* rows = numbers) matrix = Pack(arena, Depth, rows);
        float[] ours = new float[Outputs * Depth];
        fixed (float* rows = ours)
        {
            for (int output = 0; output < Outputs; output++) matrix.CopyRow(output, rows + (output * Depth));
        }

        Assert.True(Error(ours) < 0.9 * Error(theirs), $"{Error(ours)} against {Error(theirs)}");

        double Error(float[] rounded) => ours.Select((_, i) => Math.Pow(rounded[i] - numbers[i], 2)).Sum();
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    [InlineData(1e6f)] // beyond half precision
    public void Broken_numbers_do_not_pass_for_numbers(float broken)
    {
        float[] numbers = [.. Enumerable.Repeat(1f, 96 * 32)], actual = new float[32];
        numbers[7] = broken;
        using var arena = new NativeArena("a test");
        PackedMatrix matrix;
        fixed (float* rows = numbers) matrix = Pack(arena, 32, rows);
        fixed (float* row = actual) matrix.CopyRow(0, row);
        Assert.All(actual, number => Assert.True(float.IsNaN(number)));
        fixed (float* row = actual) matrix.CopyRow(1, row);
        Assert.All(actual, number => Assert.Equal(1, number));
    }

    private static PackedMatrix Pack(NativeArena arena, int depth, float* rows)
    {
        var matrix = new PackedMatrix(arena, "test", Outputs, depth, WeightPrecision.Int4, Int8Product.PanelWidth);
        arena.Allocate();
        for (int panel = 0; panel < 2; panel++) matrix.PackPanel(panel, rows + (panel * 48 * depth));
        return matrix;
    }
}
