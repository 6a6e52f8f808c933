using System.Buffers.Binary;
using CsCheck;
using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Network;

public class BlockWeightsTests
{
    private static readonly GptConfig Config = GptModelTests.Odd with { EmbeddingWidth = 96 };

    private static readonly Gen<(Half, sbyte[])> Blocks = Gen.Select(Gen.UShort[1, 0x7BFF], Gen.SByte[-127, 127].Array[32])
        .Select((bits, bytes) => (BitConverter.UInt16BitsToHalf(bits), bytes));

    [Fact]
    public void Numbers_that_come_from_a_block_are_found_exactly() => Blocks.Sample((scale, bytes) =>
    {
        float[] numbers = [.. bytes.Select(value => (float)scale * value)];
        byte[] found = new byte[Q8Block.Size];

        Assert.True(BlockWeights.TryEncode(numbers, found));
        float foundScale = (float)BinaryPrimitives.ReadHalfLittleEndian(found);
        Assert.Equal(numbers, found.Skip(2).Select(value => foundScale * (sbyte)value));
        if (bytes.Any(value => Math.Abs((int)value) == 127)) Assert.Equal((float)scale, foundScale);
    });

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(1e-12f)]
    [InlineData(0.3f)]
    public void Other_numbers_are_not_a_block(float number)
    {
        float[] numbers = new float[32];
        numbers[3] = number;
        numbers[4] = number / 3;

        Assert.False(BlockWeights.TryEncode(numbers, new byte[Q8Block.Size]));
    }

    [Fact]
    public void A_matrix_consists_of_blocks_only_if_all_of_it_does()
    {
        var weights = RandomWeights.OfBlocks(Config);
        Assert.True(new BlockWeights(weights).IsMadeOfBlocks(WeightNames.FeedForwardIn(1)));
        Assert.False(new BlockWeights(weights).IsMadeOfBlocks(WeightNames.FinalNormScale));
        Assert.False(new BlockWeights(RandomWeights.Of(Config)).IsMadeOfBlocks(WeightNames.FeedForwardIn(1)));

        var arrays = WeightNames.For(Config).ToDictionary(entry => entry.Name, entry => weights[entry.Name].ToArray());
        arrays[WeightNames.FeedForwardIn(1)][^1] *= 1.001f;
        Assert.False(new BlockWeights(new GptWeights(Config, arrays)).IsMadeOfBlocks(WeightNames.FeedForwardIn(1)));
    }
}
