using System.Text.Json;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Formats.Safetensors;
using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Formats.HuggingFace;

public sealed class HuggingFaceExporterTests : IDisposable
{
    private static readonly WordTokenizer Words = new(Enumerable.Range(0, 61).Select(i => $"w{i}"), unknownWord: "w1", endOfText: "w60");

    private readonly TemporaryDirectory _directory = new();

    private string Folder => Path.Combine(_directory.Path, "model");

    public static TheoryData<bool, bool> Switches => new() { { true, true }, { true, false }, { false, true }, { false, false } };

    /// <summary>
    /// Names and shapes of <c>GPT2LMHeadModel</c>'s state dict (transformers' modeling_gpt2.py); its Conv1D matrices
    /// are (in, out).
    /// </summary>
    [Theory]
    [MemberData(nameof(Switches))]
    public void The_weights_have_the_names_shapes_and_layout_of_GPT2LMHeadModel(bool hasBias, bool isTied)
    {
        var config = GptPresets.Tiny with { HasQkvBias = hasBias, HasTiedHead = isTied };
        var weights = RandomWeights.Of(config);
        GptModelExporter.Export(Folder, weights, Words);

        using var file = SafetensorsReader.Open(Path.Combine(Folder, "model.safetensors"));
        Assert.Equal("pt", file.Metadata["format"]);
        var expected = new Dictionary<string, long[]>
        {
            ["transformer.wte.weight"] = [61, 32], ["transformer.wpe.weight"] = [16, 32],
            ["transformer.ln_f.weight"] = [32], ["transformer.ln_f.bias"] = [32],
        };
        for (int layer = 0; layer < 2; layer++)
        {
            string block = $"transformer.h.{layer}.";
            foreach (var (name, shape) in new (string, long[])[]
            {
                ("ln_1.weight", [32]), ("ln_1.bias", [32]), ("attn.c_attn.weight", [32, 96]),
                ("attn.c_attn.bias", [96]), ("attn.c_proj.weight", [32, 32]), ("attn.c_proj.bias", [32]),
                ("ln_2.weight", [32]), ("ln_2.bias", [32]), ("mlp.c_fc.weight", [32, 128]), ("mlp.c_fc.bias", [128]),
                ("mlp.c_proj.weight", [128, 32]), ("mlp.c_proj.bias", [32]),
            }) expected[block + name] = shape;
        }

        if (!isTied) expected["lm_head.weight"] = [61, 32];
        Assert.Equal(expected.Keys.Order(), file.Tensors.Select(tensor => tensor.Name).Order());
        foreach (var tensor in file.Tensors) Assert.Equal(expected[tensor.Name], tensor.Shape);

        float[] fused = Read(file, "transformer.h.1.attn.c_attn.weight"), biases = Read(file, "transformer.h.1.attn.c_attn.bias");
        string[] parts = [WeightNames.Query(1), WeightNames.Key(1), WeightNames.Value(1)];
        string[] biasParts = [WeightNames.QueryBias(1), WeightNames.KeyBias(1), WeightNames.ValueBias(1)];
        for (int output = 0; output < 96; output++)
        {
            for (int input = 0; input < 32; input++)
            {
                Assert.Equal(weights[parts[output / 32]][(output % 32 * 32) + input], fused[(input * 96) + output]);
            }

            Assert.Equal(hasBias ? weights[biasParts[output / 32]][output % 32] : 0, biases[output]);
        }

        float[] down = Read(file, "transformer.h.0.mlp.c_proj.weight");
        for (int output = 0; output < 32; output++)
        {
            for (int input = 0; input < 128; input++)
            {
                Assert.Equal(weights[WeightNames.FeedForwardOut(0)][(output * 128) + input], down[(input * 32) + output]);
            }
        }

        Assert.Equal(weights[WeightNames.TokenEmbedding].ToArray(), Read(file, "transformer.wte.weight"));
        Assert.Equal(weights[WeightNames.AttentionNormScale(1)].ToArray(), Read(file, "transformer.h.1.ln_1.weight"));
        Assert.Equal(weights[WeightNames.FinalNormShift].ToArray(), Read(file, "transformer.ln_f.bias"));
        if (!isTied) Assert.Equal(weights[WeightNames.Head].ToArray(), Read(file, "lm_head.weight"));
    }

    [Fact]
    public void The_configuration_is_a_GPT2Config()
    {
        GptModelExporter.Export(
            Folder,
            RandomWeights.Of(GptPresets.Tiny with { HasTiedHead = false, DropoutRate = 0.25 }),
            Words,
            new() { DataType = TensorDataType.BFloat16 });
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "config.json")));
        var config = document.RootElement;
        Assert.Equal(
            ("gpt2", "GPT2LMHeadModel"),
            (config.GetProperty("model_type").GetString(), config.GetProperty("architectures")[0].GetString()));
        Assert.Equal(
            (61, 16, 16, 32, 4, 2),
            (Number("vocab_size"), Number("n_positions"), Number("n_ctx"), Number("n_embd"), Number("n_head"), Number("n_layer")));
        Assert.Equal(
            ("gelu_new", "bfloat16"),
            (config.GetProperty("activation_function").GetString(), config.GetProperty("torch_dtype").GetString()));
        Assert.Equal(
            (0.25, 0.25, 0.25, 1e-5), (Double("attn_pdrop"), Double("embd_pdrop"), Double("resid_pdrop"), Double("layer_norm_epsilon")));
        Assert.False(config.GetProperty("tie_word_embeddings").GetBoolean());
        Assert.Equal((60, 60), (Number("bos_token_id"), Number("eos_token_id")));

        int Number(string name) => config.GetProperty(name).GetInt32();
        double Double(string name) => config.GetProperty(name).GetDouble();
    }

    [Fact]
    public void Without_a_tokenizer_there_are_no_end_ids_and_no_tokenizer_files()
    {
        GptModelExporter.Export(Folder, RandomWeights.Of(GptPresets.Tiny), tokenizer: null);
        Assert.Equal(["config.json", "generation_config.json", "model.safetensors"], Names());
        using var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "config.json")));
        Assert.Equal(JsonValueKind.Null, config.RootElement.GetProperty("eos_token_id").ValueKind); // GPT2Config's own default is 50256
    }

    [Fact]
    public void A_large_model_is_split_into_shards_with_an_index()
    {
        var weights = RandomWeights.Of(GptPresets.Tiny);
        GptModelExporter.Export(Folder, weights, tokenizer: null, new() { ShardSize = 30_000 });

        string[] shards = [.. Names().Where(name => name.EndsWith(".safetensors", StringComparison.Ordinal))];
        Assert.True(shards.Length > 2);
        for (int i = 0; i < shards.Length; i++) Assert.Equal($"model-{i + 1:D5}-of-{shards.Length:D5}.safetensors", shards[i]);

        using var index = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "model.safetensors.index.json")));
        var map = index.RootElement.GetProperty("weight_map");
        long total = 0;
        foreach (string shard in shards)
        {
            using var file = SafetensorsReader.Open(Path.Combine(Folder, shard));
            long size = file.Tensors.Sum(tensor => tensor.ElementCount * 4);
            Assert.True(size <= 30_000 || file.Tensors.Count == 1);
            total += size;
            foreach (var tensor in file.Tensors) Assert.Equal(shard, map.GetProperty(tensor.Name).GetString());
        }

        Assert.Equal(total, index.RootElement.GetProperty("metadata").GetProperty("total_size").GetInt64());
        Assert.Equal(4 * GptPresets.Tiny.ParameterCount, total);
        Assert.Equal(map.EnumerateObject().Count(), map.EnumerateObject().Select(entry => entry.Name).Distinct().Count());
    }

    [Fact]
    public void A_word_vocabulary_becomes_a_word_level_model()
    {
        GptModelExporter.Export(Folder, RandomWeights.Of(GptPresets.Tiny), Words);
        using var tokenizer = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "tokenizer.json")));
        var model = tokenizer.RootElement.GetProperty("model");
        Assert.Equal(("WordLevel", "w1"), (model.GetProperty("type").GetString(), model.GetProperty("unk_token").GetString()));
        Assert.Equal(
            Words.Words, model.GetProperty("vocab").EnumerateObject().OrderBy(word => word.Value.GetInt32()).Select(word => word.Name));
        Assert.Equal("WhitespaceSplit", tokenizer.RootElement.GetProperty("pre_tokenizer").GetProperty("type").GetString());
    }

    [Fact]
    public void A_folder_is_replaced_as_a_whole_so_that_nothing_of_the_old_model_is_left()
    {
        GptModelExporter.Export(Folder, RandomWeights.Of(GptPresets.Tiny), Words, new() { ShardSize = 30_000 });
        GptModelExporter.Export(Folder, RandomWeights.Of(GptPresets.Tiny), tokenizer: null);
        Assert.Equal(["config.json", "generation_config.json", "model.safetensors"], Names());
        Assert.Equal([Folder], Directory.EnumerateFileSystemEntries(_directory.Path));
    }

    [Fact]
    public void A_folder_with_something_else_in_it_is_left_alone()
    {
        Directory.CreateDirectory(Folder);
        File.WriteAllText(Path.Combine(Folder, "thesis.txt"), "years of work");
        var refused = Assert.Throws<IOException>(() => GptModelExporter.Export(Folder, RandomWeights.Of(GptPresets.Tiny), tokenizer: null));
        Assert.Contains("thesis.txt", refused.Message, StringComparison.Ordinal);
        Assert.Equal(["thesis.txt"], Names());
        Assert.Equal([Folder], Directory.EnumerateFileSystemEntries(_directory.Path));
    }

    [Fact]
    public void A_file_with_the_folders_name_is_left_alone()
    {
        File.WriteAllText(Folder, "a file");
        Assert.Throws<IOException>(() => GptModelExporter.Export(Folder, RandomWeights.Of(GptPresets.Tiny), tokenizer: null));
        Assert.Equal("a file", File.ReadAllText(Folder));
    }

    public void Dispose() => _directory.Dispose();

    private IEnumerable<string> Names() =>
        Directory.EnumerateFiles(Folder).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal);

    private static float[] Read(SafetensorsReader file, string name)
    {
        float[] elements = new float[file.Find(name)!.ElementCount];
        file.Read(name, 0, elements);
        return elements;
    }
}
