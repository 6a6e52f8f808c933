using System.Buffers.Binary;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Tests.Formats.Exporting;

namespace MLNet.Gpt.Tests.Formats.Gguf;

/// <summary>Compares the blocks of a GGUF file as stored with the same weights in single precision.</summary>
public sealed class Q8BlocksTests : IDisposable
{
    private static readonly GptConfig Config = GptPresets.Tiny;

    private readonly TemporaryDirectory _directory = new();

    [Fact]
    public void The_elements_come_from_the_blocks()
    {
        using var file = Export(TensorDataType.Q8_0);
        IBlockWeightSource source = file;
        string[] stored =
            [.. WeightNames.For(Config).Select(entry => entry.Name).Where(name => source.BlocksOf(name) == StoredBlocks.Q8_0)];
        Assert.Equal(
            [.. WeightNames.For(
                Config).Where(entry => entry.Shape.Count == 2 && entry.Name != WeightNames.PositionEmbedding).Select(entry => entry.Name)],
            stored);
        foreach (var entry in WeightNames.For(Config).Where(entry => source.BlocksOf(entry.Name) == StoredBlocks.Q8_0))
        {
            int blocks = (int)(entry.ElementCount / Q8Block.Length), half = blocks / 2;
            float[] expected = new float[entry.ElementCount], decoded = new float[entry.ElementCount];
            file.Read(entry.Name, 0, expected);
            byte[] bytes = new byte[blocks * Q8Block.Size];
            source.ReadBlocks(entry.Name, half, bytes.AsSpan(half * Q8Block.Size));
            source.ReadBlocks(entry.Name, 0, bytes.AsSpan(0, half * Q8Block.Size));
            for (int i = 0; i < decoded.Length; i++)
            {
                var block = bytes.AsSpan(i / Q8Block.Length * Q8Block.Size, Q8Block.Size);
                decoded[i] = (float)BinaryPrimitives.ReadHalfLittleEndian(block) * (sbyte)block[2 + (i % Q8Block.Length)];
            }

            Assert.Equal(expected, decoded);
        }
    }

    [Fact]
    public void Blocks_outside_a_weight_or_of_another_type_are_refused()
    {
        using var file = Export(TensorDataType.Q8_0);
        IBlockWeightSource source = file;
        int blocks = Config.EmbeddingWidth * Config.EmbeddingWidth / Q8Block.Length;
        byte[] two = new byte[2 * Q8Block.Size];
        Assert.Throws<ArgumentOutOfRangeException>(() => source.ReadBlocks(WeightNames.Query(0), blocks - 1, two));
        Assert.Throws<ArgumentOutOfRangeException>(() => source.ReadBlocks(WeightNames.Query(0), -1, two));
        Assert.Throws<ArgumentOutOfRangeException>(() => source.ReadBlocks(WeightNames.Query(0), 0, two.AsSpan(1)));
        Assert.Throws<InvalidOperationException>(() => source.ReadBlocks(WeightNames.FinalNormScale, 0, two));
        Assert.Throws<KeyNotFoundException>(() => source.BlocksOf("none"));
    }

    [Fact]
    public void Other_types_have_no_blocks()
    {
        using var file = Export(TensorDataType.Float16);
        Assert.DoesNotContain(WeightNames.For(Config), entry => ((IBlockWeightSource)file).BlocksOf(entry.Name) != StoredBlocks.None);
    }

    public void Dispose() => _directory.Dispose();

    private GptModelFile Export(TensorDataType type)
    {
        string path = Path.Combine(_directory.Path, "model.gguf");
        GptModelExporter.Export(path, PatternWeights.Of(Config), tokenizer: null, new() { DataType = type });
        return GptModelFile.Open(path);
    }
}
