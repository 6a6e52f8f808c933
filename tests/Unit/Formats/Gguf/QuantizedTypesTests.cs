using MLNet.Gpt.Formats;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Tests.Formats.Gguf;

/// <summary>Against GGML's own functions.</summary>
public sealed class QuantizedTypesTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(TensorDataType.Q4_0, 2, "q4_0")]
    [InlineData(TensorDataType.Q4_1, 3, "q4_1")]
    [InlineData(TensorDataType.Q5_0, 6, "q5_0")]
    [InlineData(TensorDataType.Q5_1, 7, "q5_1")]
    [InlineData(TensorDataType.Q8_0, 8, "q8_0")]
    [InlineData(TensorDataType.Q2_K, 10, "q2_K")]
    [InlineData(TensorDataType.Q3_K, 11, "q3_K")]
    [InlineData(TensorDataType.Q4_K, 12, "q4_K")]
    [InlineData(TensorDataType.Q5_K, 13, "q5_K")]
    [InlineData(TensorDataType.Q6_K, 14, "q6_K")]
    [InlineData(TensorDataType.IQ4_NL, 20, "iq4_nl")]
    [InlineData(TensorDataType.IQ4_XS, 23, "iq4_xs")]
    public void A_block_has_the_numbers_that_GGML_reads_to_the_last_bit(TensorDataType type, int number, string name)
    {
        const int RowLength = 512, Rows = 64;
        int length = type.BlockLength(), size = type.BlockSize();
        var random = new Random(1);
        float[] numbers = new float[Rows * RowLength];
        for (int i = 0; i < numbers.Length; i++) numbers[i] = (float)((random.NextDouble() - 0.4) * Math.Exp(i / RowLength % 9));
        byte[] quantized = LlamaCpp.Quantize(number, numbers, RowLength, RowLength / length * size);
        AssertDecoded(quantized);

        // Any bytes, with scales that are numbers: those of quantizers do not reach every value.
        byte[] any = new byte[quantized.Length];
        random.NextBytes(any);
        for (int block = 0; block < any.Length; block += size)
        {
            foreach (int half in HalvesOf(type)) any[block + half + 1] &= 0x3F; // below 2
        }

        AssertDecoded(any);

        void AssertDecoded(byte[] bytes)
        {
            float[] expected = LlamaCpp.Dequantize(name, bytes, numbers.Length), actual = new float[numbers.Length];
            for (int i = 0; i < actual.Length / length; i++)
            {
                BlockDecoder.Decode(type, bytes.AsSpan(i * size, size), actual.AsSpan(i * length, length));
            }

            Assert.Equal(expected.Select(BitConverter.SingleToInt32Bits), actual.Select(BitConverter.SingleToInt32Bits));
        }
    }

    /// <summary>A model of which llama.cpp's quantizer makes the types that people publish, K-quants included.</summary>
    [Theory]
    [InlineData("Q4_0", 2, 0.1)]
    [InlineData("Q4_1", 3, 0.1)]
    [InlineData("Q5_0", 8, 0.05)]
    [InlineData("Q5_1", 9, 0.05)]
    [InlineData("Q8_0", 7, 0.01)]
    [InlineData("Q2_K", 10, 0.4)]
    [InlineData("Q3_K_M", 12, 0.2)]
    [InlineData("Q4_K_M", 15, 0.1)]
    [InlineData("Q5_K_M", 17, 0.05)]
    [InlineData("Q6_K", 18, 0.03)]
    [InlineData("IQ4_NL", 25, 0.1)]
    [InlineData("IQ4_XS", 30, 0.1)]
    public void A_file_that_llama_cpp_quantized_loads(string name, int fileType, double tolerance)
    {
        var config = GptPresets.Tiny with { EmbeddingWidth = 256, LayerCount = 1 };
        var weights = TinyModels.Weights(config, 3);
        string plain = Path.Combine(_directory.Path, "plain.gguf"), quantized = Path.Combine(_directory.Path, $"{name}.gguf");
        GptModelExporter.Export(plain, weights, tokenizer: null);
        LlamaCpp.QuantizeFile(plain, quantized, fileType);

        using var file = GptModelFile.Open(quantized);
        Assert.Contains(name.Split("_M")[0], file.DataType, StringComparison.Ordinal);
        foreach (var entry in WeightNames.For(config))
        {
            float[] expected = new float[entry.ElementCount], actual = new float[entry.ElementCount];
            weights.Read(entry.Name, 0, expected);
            file.Read(entry.Name, 0, actual);
            double error = Math.Sqrt(expected.Zip(actual, (x, y) => Math.Pow(x - y, 2)).Sum());
            double size = Math.Sqrt(expected.Sum(x => (double)x * x));
            Assert.True(error <= tolerance * size, $"{entry.Name}: {error / size}");

            // Parts of blocks, too.
            float[] part = new float[Math.Min(301, actual.Length)];
            long start = actual.Length > 500 ? 77 : 0;
            file.Read(entry.Name, start, part);
            Assert.Equal(actual.Skip((int)start).Take(part.Length), part);
        }

        using var model = GptModel.Load(quantized, tokenizer: TinyModels.Words);
        Assert.True(double.IsFinite(new TextScorer(model).Score(TinyModels.Text(12, 5)).CrossEntropy));
    }

    [Fact]
    public void Four_bits_keep_the_weights_of_Q4_K()
    {
        var config = GptPresets.Tiny with { EmbeddingWidth = 256, LayerCount = 2 };
        string plain = Path.Combine(_directory.Path, "plain.gguf"), quantized = Path.Combine(_directory.Path, "q4_k.gguf");
        GptModelExporter.Export(plain, TinyModels.Weights(config, 3), tokenizer: null);
        LlamaCpp.QuantizeFile(plain, quantized, fileType: 14); // Q4_K_S

        using var file = GptModelFile.Open(quantized);
        using var model = GptModel.Load(quantized, new() { Precision = WeightPrecision.Int4 }, TinyModels.Words);
        var read = new PackedWeightReader(model.Weights);
        IBlockWeightSource source = file;
        string[] names = [.. WeightNames.For(config).Select(entry => entry.Name)];
        string[] kept = [.. names.Where(name => source.BlocksOf(name) != StoredBlocks.None)];
        Assert.Equal(StoredBlocks.Q6_K, source.BlocksOf(WeightNames.TokenEmbedding)); // because it is the head
        Assert.Equal(StoredBlocks.Q5_K, source.BlocksOf(WeightNames.Query(0)));
        Assert.True(model.Weights.Blocks[0].FeedForwardOut.HasSuperBlocks);
        foreach (string name in kept)
        {
            float[] expected = new float[WeightNames.For(config).Single(entry => entry.Name == name).ElementCount];
            float[] actual = new float[expected.Length];
            file.Read(name, 0, expected);
            read.Read(name, 0, actual);
            Assert.Equal(expected, actual);
        }

        // Only activations are rounded in addition.
        using var single = GptModel.FromWeights(read, TinyModels.Words);
        double exact = Loss(single);
        Assert.Equal(exact, Loss(model), 2e-3 * exact);
        byte[] blocks = new byte[2 * Q4KBlock.Size];
        Assert.Throws<ArgumentOutOfRangeException>(() => source.ReadBlocks(kept[0], 255, blocks));
        Assert.Throws<InvalidOperationException>(() => source.ReadBlocks(WeightNames.FinalNormScale, 0, blocks));

        static double Loss(GptModel of) => new TextScorer(of).Score(TinyModels.Text(40, 5)).CrossEntropy;
    }

    private static int[] HalvesOf(TensorDataType type) => type switch
    {
        TensorDataType.Q4_1 or TensorDataType.Q5_1 or TensorDataType.Q4_K or TensorDataType.Q5_K => [0, 2],
        TensorDataType.Q2_K => [80, 82],
        TensorDataType.Q3_K => [108],
        TensorDataType.Q6_K => [208],
        _ => [0],
    };
}
