using Microsoft.ML;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Formats.Exporting;

/// <summary>What is exported and then read by <see cref="GptModelFile"/> has the same bits.</summary>
public sealed class RoundTripTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public static TheoryData<string, bool, bool> Places
    {
        get
        {
            var rows = new TheoryData<string, bool, bool>();
            foreach (string place in (string[])["model.safetensors", "model", "model.pth", "model.gguf"])
            {
                foreach (bool hasBias in (bool[])[true, false])
                {
                    rows.Add(place, hasBias, true);
                    rows.Add(place, hasBias, false);
                }
            }

            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Places))]
    public void Single_precision_is_read_back_bit_for_bit(string place, bool hasBias, bool isTied)
    {
        var config = GptPresets.Tiny with { HasQkvBias = hasBias, HasTiedHead = isTied };
        var weights = RandomWeights.Of(config);
        string path = Path.Combine(_directory.Path, place);
        GptModelExporter.Export(path, weights, tokenizer: null);

        using var read = GptModelFile.Open(path, config.HeadCount);
        bool isFused = place is "model" or "model.gguf"; // these require biases: zeros are read back
        Assert.Equal(config with { HasQkvBias = hasBias || isFused }, read.Config with { DropoutRate = config.DropoutRate });
        foreach (var entry in WeightNames.For(read.Config))
        {
            float[] elements = new float[entry.ElementCount];
            read.Read(entry.Name, 0, elements);
            bool isAdded = !hasBias
                && entry.Name.Contains(".att.W_", StringComparison.Ordinal)
                && entry.Name.EndsWith(".bias", StringComparison.Ordinal);
            Assert.Equal(isAdded ? new float[elements.Length] : weights[entry.Name].ToArray(), elements);
        }
    }

    public static TheoryData<string, int, bool> Depths
    {
        get
        {
            var rows = new TheoryData<string, int, bool>();
            foreach (
                string place in (string[])["model.safetensors", "model", "model.pth", "model.gguf", "model.gpt", "model.zip", "model.onnx"])
            {
                foreach (int layers in (int[])[1, 2, 3, 12])
                {
                    rows.Add(place, layers, true);
                    rows.Add(place, layers, false);
                }
            }

            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Depths))]
    public void A_model_of_any_depth_is_read_back(string place, int layers, bool isTied)
    {
        var config = GptPresets.Tiny with { LayerCount = layers, HasTiedHead = isTied };
        var weights = RandomWeights.Of(config, deviation: 0.2f);
        string path = Path.Combine(_directory.Path, place);
        using var model = GptModel.FromWeights(weights, TinyModels.Words);
        if (place == "model.gpt") new GptTransformer(model).Save(path);
        else if (place == "model.zip") new MLContext(seed: 1).Model.Save(new GptTransformer(model), inputSchema: null, path);
        else GptModelExporter.Export(path, weights, tokenizer: null, new() { IncludeKeyValueCache = false });

        if (place == "model.onnx")
        {
            int[] ids = RandomWeights.Ids(config, 16);
            using var session = new InferenceSession(path);
            using var outputs = session.Run(
                [NamedOnnxValue.CreateFromTensor("input_ids", new DenseTensor<long>(Array.ConvertAll(ids, id => (long)id), [1, 16]))]);
            float[] expected = [.. new ReferenceForward(weights).Logits(ids).SelectMany(row => row).Select(logit => (float)logit)];
            Assert.Equal(expected, outputs[0].AsTensor<float>().ToArray(), (x, y) => Math.Abs(x - y) <= 1e-3f * Math.Max(1, Math.Abs(x)));
            return;
        }

        using var read = GptModelFile.Open(path, config.HeadCount);
        foreach (var entry in WeightNames.For(config))
        {
            float[] elements = new float[entry.ElementCount];
            read.Read(entry.Name, 0, elements);
            Assert.Equal(weights[entry.Name].ToArray(), elements);
        }
    }

    [Theory]
    [InlineData("model.safetensors", TensorDataType.BFloat16)]
    [InlineData("model", TensorDataType.Float16)]
    [InlineData("model", TensorDataType.BFloat16)]
    [InlineData("model.pth", TensorDataType.Float16)]
    [InlineData("model.pth", TensorDataType.BFloat16)]
    [InlineData("model.gguf", TensorDataType.Float16)]
    [InlineData("model.gguf", TensorDataType.BFloat16)]
    [InlineData("model.gguf", TensorDataType.Q8_0)]
    public void Narrow_types_are_rounded_once(string place, TensorDataType type)
    {
        string first = Path.Combine(_directory.Path, "1" + place), second = Path.Combine(_directory.Path, "2" + place);
        GptModelExporter.Export(first, RandomWeights.Of(GptPresets.Tiny), tokenizer: null, new() { DataType = type });
        using (var read = GptModelFile.Open(first, 4)) GptModelExporter.Export(second, read, tokenizer: null, new() { DataType = type });

        using var once = GptModelFile.Open(first, 4);
        using var twice = GptModelFile.Open(second, 4);
        float tolerance = type switch { TensorDataType.Float16 => 1e-4f, TensorDataType.BFloat16 => 1e-3f, _ => 1e-3f };
        foreach (var entry in WeightNames.For(once.Config))
        {
            float[] a = new float[entry.ElementCount], b = new float[entry.ElementCount];
            once.Read(entry.Name, 0, a);
            twice.Read(entry.Name, 0, b);
            Assert.Equal(a, b, (x, y) => type == TensorDataType.Q8_0 ? Math.Abs(x - y) <= 1e-4f : x == y);
            Assert.Equal(
                RandomWeights.Of(GptPresets.Tiny)[entry.Name].ToArray(),
                a,
                (x, y) => Math.Abs(x - y) <= tolerance * Math.Max(1, 8 * Math.Abs(x)));
        }
    }

    [Fact]
    public void Shards_are_read_as_one_model()
    {
        var weights = RandomWeights.Of(GptPresets.Tiny);
        string path = Path.Combine(_directory.Path, "model");
        GptModelExporter.Export(path, weights, tokenizer: null, new() { ShardSize = 30_000 });
        using var read = GptModelFile.Open(path);
        foreach (var entry in WeightNames.For(read.Config))
        {
            float[] elements = new float[entry.ElementCount];
            read.Read(entry.Name, 0, elements);
            Assert.Equal(weights[entry.Name].ToArray(), elements);
        }
    }

    [Theory]
    [InlineData("model")]
    [InlineData("model.gguf")]
    public void A_byte_pair_vocabulary_is_read_back(string place)
    {
        // a, b, c, space, ab, the end of text, abc and a token for all other bytes
        var tokenizer = new BytePairTokenizer(
            [.. new[] { "a", "b", "c", " ", "ab", "<|endoftext|>", "abc", "<unknown>" }.Select(
                text => System.Text.Encoding.UTF8.GetBytes(text))],
            [(0, 1), (4, 2)], specialIds: [5, 7], endOfTextId: 5, unknownId: 7);
        var config = GptPresets.Tiny with { VocabularySize = 8 };
        string path = Path.Combine(_directory.Path, place);
        GptModelExporter.Export(path, RandomWeights.Of(config), tokenizer);

        using var file = GptModelFile.Open(path);
        var read = Assert.IsType<BytePairTokenizer>(file.Tokenizer);
        const string text = "abc ab<|endoftext|>cab ?";
        Assert.Equal(tokenizer.Encode(text), read.Encode(text));
        Assert.Equal((5, 7), (read.EndOfTextId, read.UnknownId));
    }

    [Theory]
    [InlineData("model")]
    [InlineData("model.gguf")]
    public void GPT_2s_own_vocabulary_is_recognized(string place)
    {
        var config = GptPresets.Tiny with { VocabularySize = Gpt2Tokenizer.Instance.VocabularySize, LayerCount = 1 };
        string path = Path.Combine(_directory.Path, place);
        GptModelExporter.Export(path, RandomWeights.Of(config), Gpt2Tokenizer.Instance);
        using var read = GptModelFile.Open(path);
        Assert.Same(Gpt2Tokenizer.Instance, read.Tokenizer);
    }

    public void Dispose() => _directory.Dispose();
}
