using MLNet.Gpt.Formats;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.Tests.Formats.Gguf;

namespace MLNet.Gpt.Tests.Formats.Exporting;

/// <summary>Against GGML's own functions.</summary>
public class FourBitBlocksTests
{
    private const int Type = 2, RowLength = 256, Rows = 40; // of enum ggml_type

    [Fact]
    public void Blocks_equal_those_of_GGML_byte_for_byte()
    {
        float[] numbers = Numbers();
        Assert.Equal(LlamaCpp.Quantize(Type, numbers, RowLength, RowLength / 32 * FourBitBlocks.Size, searches: false), Encoded(numbers));
    }

    /// <summary>Rounding them again would change blocks in which the search did not give the extreme the multiple −8.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Numbers_of_blocks_give_the_blocks(bool searches)
    {
        byte[] blocks = LlamaCpp.Quantize(Type, Numbers(), RowLength, RowLength / 32 * FourBitBlocks.Size, searches);
        float[] numbers = LlamaCpp.Dequantize("q4_0", blocks, RowLength * Rows);
        byte[] restored = new byte[blocks.Length];
        Assert.True(FourBitBlocks.TryRestore(numbers, restored));
        Assert.Equal(numbers, LlamaCpp.Dequantize("q4_0", restored, numbers.Length));
        if (searches) Assert.NotEqual(numbers, LlamaCpp.Dequantize("q4_0", Encoded(numbers), numbers.Length));
        else Assert.Equal(blocks, restored);

        numbers[700] += 0.01f;
        Assert.False(FourBitBlocks.TryRestore(numbers, restored));
        numbers[700] = float.NaN;
        Assert.False(FourBitBlocks.TryRestore(numbers, restored));
    }

    private static byte[] Encoded(float[] numbers)
    {
        byte[] encoded = new byte[TensorDataType.Q4_0.Size(numbers.Length)];
        FourBitBlocks.Encode(numbers, encoded);
        return encoded;
    }

    // Besides drawn ones: zeros, ties, equal magnitudes of both signs, and scales below half precision's normal numbers.
    private static float[] Numbers()
    {
        var random = new Random(1);
        float[] numbers = new float[RowLength * Rows];
        for (int i = 0; i < numbers.Length; i++) numbers[i] = (float)((random.NextDouble() - 0.5) * Math.Exp(i / RowLength % 12));
        numbers.AsSpan(0, 32).Clear();
        for (int i = 0; i < 32; i++)
        {
            numbers[32 + i] = (i % 16) - 8 + 0.5f;
            numbers[64 + i] = i % 3 == 0 ? -1 : 1;
            numbers[96 + i] = (i - 15) / 1048576f;
            numbers[128 + i] = i == 7 ? 5 : 0;
        }

        return numbers;
    }
}
