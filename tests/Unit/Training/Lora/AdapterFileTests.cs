using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Tests.Decoders;
using MLNet.Gpt.Tests.Formats.Hostile;
using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Training.Lora;

/// <summary>Adapters in folders of PEFT and in files of llama.cpp.</summary>
public sealed class AdapterFileTests : IDisposable
{
    private static readonly LoraOptions AllLinear = new() { Rank = 4, Alpha = 6 };

    private readonly TemporaryDirectory _directory = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("gpt2")]
    [InlineData("llama")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    [InlineData("gemma2")]
    [InlineData("gemma3")]
    public void A_GGUF_adapter_has_the_same_effect_in_llama_cpp(string name)
    {
        using var model = NewModel(name);
        string path = At("model.gguf");
        GptModelExporter.Export(path, model, tokenizer: null, cancellationToken: Cancellation);
        LoraAdapter first = LoraAdapters.Random(model.Config, AllLinear, seed: 2);
        LoraAdapter second = LoraAdapters.Random(model.Config, new() { Rank = 3, Targets = ["*.W_query.*", "*.W_value.*"] }, seed: 3);
        first.Save(At("first.gguf"), cancellationToken: Cancellation);
        second.Save(At("second.gguf"), cancellationToken: Cancellation);

        int[] ids = [.. Enumerable.Range(0, 40).Select(i => i * 37 % model.Config.VocabularySize)];
        using var adapted = model.WithAdapter(first);
        using var both = adapted.WithAdapter(second, 0.5);
        using var peer = new LlamaCppModel(path);
        float[] plain = peer.Logits(ids);
        peer.Attach((At("first.gguf"), 1));
        AssertWithin(1e-3, peer.Logits(ids), adapted.ComputeLogits(ids));
        peer.Attach((At("first.gguf"), 1), (At("second.gguf"), 0.5f));
        AssertWithin(1e-3, peer.Logits(ids), both.ComputeLogits(ids));
        Assert.True(plain.Zip(peer.Logits(ids), (x, y) => Math.Abs(x - y)).Max() > 0.02);
    }

    [Theory]
    [InlineData("gpt2", ".gguf")]
    [InlineData("gpt2", "")]
    [InlineData("llama", ".gguf")]
    [InlineData("llama", "")]
    [InlineData("gemma3", "")]
    public void What_was_saved_is_loaded(string name, string extension)
    {
        var config = NewConfig(name);
        var some = new LoraOptions { Rank = 5, Alpha = 7, UseRankStabilizedScale = true, Targets = ["*.W_value.*"] };
        foreach (var options in new[] { AllLinear, some })
        {
            var adapter = LoraAdapters.Random(config, options, seed: 2);
            string path = At($"adapter{options.Rank}{extension}");
            adapter.Save(path, cancellationToken: Cancellation);
            AssertSame(adapter, LoraAdapter.Load(path, config));
            if (extension.Length == 0) AssertSame(adapter, LoraAdapter.Load(Path.Combine(path, "adapter_model.safetensors"), config));
            adapter.Save(path, cancellationToken: Cancellation); // over itself
        }
    }

    /// <summary>Names, shapes and settings as PEFT's <c>save_pretrained</c> writes them for <c>LlamaForCausalLM</c>.</summary>
    [Fact]
    public void A_folder_of_a_Llama_is_as_PEFT_writes_it()
    {
        var config = NewConfig("llama");
        LoraAdapters.Random(config, new() { Rank = 4, Alpha = 6 }, seed: 2).Save(At("adapter"), baseModel: "base/llama", Cancellation);
        var tensors = HuggingFaceFolder.ReadSafetensors(At("adapter", "adapter_model.safetensors"));
        int c = config.EmbeddingWidth, f = config.FeedForwardWidth;
        (string Module, int In, int Out)[] modules =
        [
            ("self_attn.q_proj", c, config.QueryWidth), ("self_attn.k_proj", c, config.KeyWidth), ("self_attn.v_proj", c, config.KeyWidth),
            ("self_attn.o_proj", config.QueryWidth, c), ("mlp.gate_proj", c, f), ("mlp.up_proj", c, f), ("mlp.down_proj", f, c),
        ];
        var expected = new Dictionary<string, int[]>();
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            foreach (var (module, columns, rows) in modules)
            {
                expected[$"base_model.model.model.layers.{layer}.{module}.lora_A.weight"] = [4, columns];
                expected[$"base_model.model.model.layers.{layer}.{module}.lora_B.weight"] = [rows, 4];
            }
        }

        Assert.Equal(expected.Keys.Order(), tensors.Keys.Order());
        Assert.All(expected, each => Assert.Equal(each.Value, tensors[each.Key].Shape));
        AssertConfig(At("adapter"), """
            {
              "alpha_pattern": {}, "auto_mapping": null, "base_model_name_or_path": "base/llama", "bias": "none", "fan_in_fan_out": false,
              "inference_mode": true, "init_lora_weights": true, "layers_pattern": null, "layers_to_transform": null, "lora_alpha": 6,
              "lora_dropout": 0, "modules_to_save": null, "peft_type": "LORA", "r": 4, "rank_pattern": {}, "revision": null,
              "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
              "task_type": "CAUSAL_LM", "use_dora": false, "use_rslora": false
            }
            """);
    }

    [Fact]
    public void A_folder_of_a_GPT_2_joins_query_key_and_value()
    {
        var config = NewConfig("gpt2");
        var adapter = LoraAdapters.Random(config, new() { Rank = 4, Alpha = 6 }, seed: 2);
        adapter.Save(At("adapter"), cancellationToken: Cancellation);
        var tensors = HuggingFaceFolder.ReadSafetensors(At("adapter", "adapter_model.safetensors"));
        int c = config.EmbeddingWidth;
        Assert.Equal([12, c], tensors["base_model.model.transformer.h.1.attn.c_attn.lora_A.weight"].Shape);
        Assert.Equal([3 * c, 12], tensors["base_model.model.transformer.h.1.attn.c_attn.lora_B.weight"].Shape);
        Assert.Equal([4, 4 * c], tensors["base_model.model.transformer.h.1.mlp.c_proj.lora_A.weight"].Shape);
        Assert.Equal([c, 4], tensors["base_model.model.transformer.h.1.mlp.c_proj.lora_B.weight"].Shape);
        Assert.Equal(2 * 4 * config.LayerCount, tensors.Count);
        AssertConfig(At("adapter"), """
            {
              "fan_in_fan_out": true, "lora_alpha": 6, "r": 4, "rank_pattern": {"c_attn": 12}, "alpha_pattern": {"c_attn": 18},
              "target_modules": ["c_attn", "c_proj", "c_fc"]
            }
            """);
        AssertSame(adapter, LoraAdapter.Load(At("adapter"), config));

        // PEFT's own adapters of c_attn have one A for all three.
        var some = LoraAdapters.Random(config, new() { Rank = 4, Targets = [WeightNames.AttentionOutput(0)] }, seed: 2);
        some.Save(At("one"), cancellationToken: Cancellation);
        AssertConfig(At("one"), """{"target_modules": ["transformer.h.0.attn.c_proj"]}""");
    }

    [Fact]
    public void A_joint_adapter_of_query_key_and_value_is_read()
    {
        var config = NewConfig("gpt2");
        int c = config.EmbeddingWidth;
        LoraAdapters.Random(config, new() { Rank = 2, Alpha = 6, Targets = ["*.att.W_*"] }, seed: 2).Save(At("a"), null, Cancellation);
        var tensors = HuggingFaceFolder.ReadSafetensors(At("a", "adapter_model.safetensors"));

        // Without zeros: every rank has an effect on all three.
        var dense = tensors.ToDictionary(each => each.Key, each => new NamedTensor(
            each.Value.Shape, [.. each.Value.Elements.Select((x, i) => x == 0 ? 0.1f + (0.001f * (i % 7)) : x)]));
        WriteFolder(At("joint"), dense, File.ReadAllText(At("a", "adapter_config.json")));
        var loaded = LoraAdapter.Load(At("joint"), config);
        Assert.Equal(3 * config.LayerCount, loaded.Matrices.Count);
        foreach (var matrix in loaded.Matrices)
        {
            Assert.Equal((6, 3.0), (matrix.Rank, matrix.Scale));
            int layer = matrix.Target.Contains(".1.", StringComparison.Ordinal) ? 1 : 0;
            int part = matrix.Target == WeightNames.Query(layer) ? 0 : matrix.Target == WeightNames.Key(layer) ? 1 : 2;
            Assert.Equal(dense[$"base_model.model.transformer.h.{layer}.attn.c_attn.lora_A.weight"].Elements, matrix.A.ToArray());
            Assert.Equal(
                dense[$"base_model.model.transformer.h.{layer}.attn.c_attn.lora_B.weight"].Elements.AsSpan(part * c * 6, c * 6),
                matrix.B);
        }
    }

    [Fact]
    public void A_head_of_scores_is_a_module_that_is_saved()
    {
        var config = NewConfig("gpt2") with { ScoreCount = 3 };
        var matrices = LoraAdapters.Random(config, new() { Rank = 4 }, seed: 2).Matrices;
        float[] score = [.. Enumerable.Range(0, 3 * config.EmbeddingWidth).Select(i => i * 0.5f)];
        var adapter = new LoraAdapter(
            config, matrices, new Dictionary<string, float[]> { [WeightNames.Score] = score, [WeightNames.ScoreBias] = [1, 2, 3] });
        adapter.Save(At("adapter"), cancellationToken: Cancellation);
        AssertConfig(At("adapter"), """{"modules_to_save": ["score"], "task_type": "SEQ_CLS"}""");
        var tensors = HuggingFaceFolder.ReadSafetensors(At("adapter", "adapter_model.safetensors"));
        Assert.Equal(score, tensors["base_model.model.score.weight"].Elements);
        AssertSame(adapter, LoraAdapter.Load(At("adapter"), config));
        var error = Assert.Throws<ArgumentException>(() => adapter.Save(At("adapter.gguf"), cancellationToken: Cancellation));
        Assert.Contains("score", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("use_dora", "true")]
    [InlineData("use_qalora", "true")]
    [InlineData("peft_type", "\"LOHA\"")]
    [InlineData("bias", "\"all\"")]
    [InlineData("init_lora_weights", "\"pissa_niter_16\"")]
    [InlineData("layer_replication", "[[0, 1]]")]
    [InlineData("r", "0")]
    [InlineData("r", "-4")]
    [InlineData("r", "99999999999999999999")]
    [InlineData("r", "\"four\"")]
    [InlineData("r", "5", "rank 4")]
    [InlineData("lora_alpha", "1e999")]
    [InlineData("lora_alpha", "\"NaN\"")]
    [InlineData("lora_dropout", "2")]
    [InlineData("rank_pattern", """{"(((": 4}""")]
    [InlineData("rank_pattern", """{"q_proj": 8}""", "rank 4")]
    [InlineData("alpha_pattern", "[]")]
    public void A_setting_that_is_not_supported_is_refused_by_name(string property, string value, string? mentioned = null)
    {
        var config = NewConfig("llama");
        LoraAdapters.Random(config, AllLinear, seed: 2).Save(At("adapter"), cancellationToken: Cancellation);
        string path = At("adapter", "adapter_config.json");
        var json = JsonNode.Parse(File.ReadAllText(path))!;
        json[property] = JsonNode.Parse(value);
        File.WriteAllText(path, json.ToJsonString());
        var error = Assert.Throws<InvalidDataException>(() => LoraAdapter.Load(At("adapter"), config));
        Assert.Contains("adapter_config.json", error.Message, StringComparison.Ordinal);
        if (property != "alpha_pattern") Assert.Contains(mentioned ?? property, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_scale_of_PEFTs_settings_is_taken()
    {
        var config = NewConfig("llama");
        LoraAdapters.Random(config, AllLinear, seed: 2).Save(At("adapter"), cancellationToken: Cancellation);
        string path = At("adapter", "adapter_config.json");
        var json = JsonNode.Parse(File.ReadAllText(path))!;
        json["use_rslora"] = true;
        json["alpha_pattern"] = JsonNode.Parse("""{"layers.1.self_attn.q_proj": 10, ".*down_proj": 2}""");
        File.WriteAllText(path, json.ToJsonString());
        var scales = LoraAdapter.Load(At("adapter"), config).Matrices.ToDictionary(matrix => matrix.Target, matrix => matrix.Scale);
        Assert.Equal(3, scales[WeightNames.Query(0)]);
        Assert.Equal(5, scales[WeightNames.Query(1)]);
        Assert.Equal(1, scales[WeightNames.FeedForwardOut(1)]);
    }

    [Theory]
    [InlineData("lora_B.weight", "", "other half")]
    [InlineData("layers.0.self_attn.q_proj", "layers.9.self_attn.q_proj", "layer that the model does not have")]
    [InlineData("q_proj.lora_A.weight", "q_proj.lora_magnitude_vector", "neither")]
    public void Tensors_that_do_not_fit_are_refused(string part, string replacement, string mentioned)
    {
        var config = NewConfig("llama");
        LoraAdapters.Random(config, AllLinear, seed: 2).Save(At("adapter"), cancellationToken: Cancellation);
        var tensors = HuggingFaceFolder.ReadSafetensors(At("adapter", "adapter_model.safetensors"));
        foreach (string name in tensors.Keys.Where(key => key.Contains(part, StringComparison.Ordinal)).ToArray())
        {
            tensors.Remove(name, out var tensor);
            if (replacement.Length > 0) tensors[name.Replace(part, replacement, StringComparison.Ordinal)] = tensor!;
        }

        WriteFolder(At("other"), tensors, File.ReadAllText(At("adapter", "adapter_config.json")));
        Assert.Contains(
            mentioned, Assert.Throws<InvalidDataException>(() => LoraAdapter.Load(At("other"), config)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Shapes_and_numbers_that_are_wrong_are_refused()
    {
        var config = NewConfig("llama");
        LoraAdapters.Random(config, AllLinear, seed: 2).Save(At("adapter"), cancellationToken: Cancellation);
        string settings = File.ReadAllText(At("adapter", "adapter_config.json"));
        var tensors = HuggingFaceFolder.ReadSafetensors(At("adapter", "adapter_model.safetensors"));
        string name = tensors.Keys.First(key => key.EndsWith("k_proj.lora_B.weight", StringComparison.Ordinal));
        var right = tensors[name];
        foreach (var wrong in new[]
        {
            new NamedTensor([right.Shape[1], right.Shape[0]], right.Elements),
            new NamedTensor([right.Elements.Length], right.Elements),
            new NamedTensor(right.Shape, [float.NaN, .. right.Elements.Skip(1)]),
        })
        {
            tensors[name] = wrong;
            WriteFolder(At("other"), tensors, settings);
            var error = Assert.Throws<InvalidDataException>(() => LoraAdapter.Load(At("other"), config));
            Assert.Contains("k_proj.lora_B", error.Message, StringComparison.Ordinal);
        }

        Assert.Throws<InvalidDataException>(() => LoraAdapter.Load(At("adapter"), NewConfig("gpt2")));
        Assert.Throws<InvalidDataException>(() => LoraAdapter.Load(At("adapter"), config with { EmbeddingWidth = 512 }));
        Directory.CreateDirectory(At("empty"));
        Assert.Throws<InvalidDataException>(() => LoraAdapter.Load(At("empty"), config));
        Assert.ThrowsAny<IOException>(() => LoraAdapter.Load(At("nothing"), config));
    }

    [Fact]
    public void A_GGUF_file_that_is_no_such_adapter_is_refused()
    {
        using var model = NewModel("llama");
        GptModelExporter.Export(At("model.gguf"), model, tokenizer: null, cancellationToken: Cancellation);
        Assert.Contains("general.type", Assert.Throws<InvalidDataException>(
            () => LoraAdapter.Load(At("model.gguf"), model.Config)).Message, StringComparison.Ordinal);
        LoraAdapters.Random(model.Config, AllLinear, seed: 2).Save(At("adapter.gguf"), cancellationToken: Cancellation);
        Assert.Contains("architecture", Assert.Throws<InvalidDataException>(
            () => LoraAdapter.Load(At("adapter.gguf"), NewConfig("gpt2"))).Message, StringComparison.Ordinal);
        var tied = LoraAdapters.Random(NewConfig("qwen3"), new() { Targets = ["*"] }, seed: 1);
        Assert.Contains("token embedding", Assert.Throws<ArgumentException>(
            () => tied.Save(At("tied.gguf"), cancellationToken: Cancellation)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("adapter.gguf")]
    [InlineData("adapter/adapter_config.json")]
    [InlineData("adapter/adapter_model.safetensors")]
    public void Damaged_files_are_refused_or_consistent(string file)
    {
        var config = new GptConfig
        {
            VocabularySize = 11, ContextLength = 8, EmbeddingWidth = 8, HeadCount = 2, LayerCount = 1, FeedForwardWidth = 16,
        };
        var adapter = LoraAdapters.Random(config, new() { Rank = 2 }, seed: 1);
        string path = At(file), opened = At(file.Split('/')[0]);
        adapter.Save(opened, cancellationToken: Cancellation);
        byte[] original = File.ReadAllBytes(path);
        int refused = 0;
        for (int seed = 0; seed < 1500; seed++)
        {
            File.WriteAllBytes(path, new Mutator(seed).Mutate(original, [0..Math.Min(1500, original.Length)], out _));
            try
            {
                LoraAdapter.Load(opened, config);
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 100, 1500);
    }

    private static GptConfig NewConfig(string name) => name == "gpt2"
        ? GptPresets.Tiny with { VocabularySize = 1000, EmbeddingWidth = 64, HeadCount = 4, ContextLength = 128 }
        : LibraryDecoder.Config(DecoderFamilies.Named(name)) with { LayerCount = 2 };

    private static GptModel NewModel(string name)
    {
        if (name == "gpt2")
        {
            return GptModel.FromWeights(
                WeightInitializer.Create(NewConfig(name), seed: 1, WeightInitialization.Gpt2), new CountingTokenizer(1000));
        }

        var description = DecoderFamilies.Named(name);
        return GptModel.FromWeights(
            LibraryDecoder.Weights(description, description.RandomWeights(seed: 1)), new CountingTokenizer(description.VocabularySize),
            new() { ThreadCount = 2 }, cancellationToken: Cancellation);
    }

    private static void AssertSame(LoraAdapter expected, LoraAdapter actual)
    {
        Assert.Equal(expected.Matrices.Select(each => each.Target).Order(), actual.Matrices.Select(each => each.Target).Order());
        foreach (var matrix in expected.Matrices)
        {
            var other = actual.Matrices.Single(each => each.Target == matrix.Target);
            Assert.Equal(matrix.Rank, other.Rank);
            Assert.Equal(matrix.A.ToArray(), other.A.ToArray());
            float ratio = (float)(other.Scale / matrix.Scale); // GGUF has one α, and B takes up the rest
            Assert.All(matrix.B.ToArray().Zip(other.B.ToArray()), pair => Assert.Equal(pair.First, ratio * pair.Second, 1e-6f));
        }

        Assert.Equal(expected.Weights.Keys.Order(), actual.Weights.Keys.Order());
        foreach (var (name, weight) in expected.Weights) Assert.Equal(weight, actual.Weights[name]);
    }

    private static void AssertConfig(string folder, string expected)
    {
        using var written = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "adapter_config.json")));
        using var wanted = JsonDocument.Parse(expected);
        foreach (var property in wanted.RootElement.EnumerateObject())
        {
            Assert.True(written.RootElement.TryGetProperty(property.Name, out var actual), property.Name);
            Assert.True(JsonElement.DeepEquals(property.Value, actual), $"{property.Name}: {actual} instead of {property.Value}");
        }
    }

    private static void AssertWithin(double tolerance, float[] expected, float[] actual) =>
        Assert.InRange(expected.Zip(actual, (x, y) => Math.Abs(x - y)).Max(), 0, tolerance);

    private static void WriteFolder(string folder, IReadOnlyDictionary<string, NamedTensor> tensors, string config)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), config);
        var header = new JsonObject();
        long offset = 0;
        foreach (var (name, tensor) in tensors)
        {
            long end = offset + (4L * tensor.Elements.Length);
            header[name] = new JsonObject
            {
                ["dtype"] = "F32", ["shape"] = new JsonArray([.. tensor.Shape.Select(size => (JsonNode)size)]),
                ["data_offsets"] = new JsonArray(offset, end),
            };
            offset = end;
        }

        byte[] json = Encoding.UTF8.GetBytes(header.ToJsonString());
        using var file = new BinaryWriter(File.Create(Path.Combine(folder, "adapter_model.safetensors")));
        file.Write((long)json.Length);
        file.Write(json);
        foreach (var tensor in tensors.Values)
        {
            foreach (float element in tensor.Elements) file.Write(element);
        }
    }

    private string At(params string[] parts) => Path.Combine([_directory.Path, .. parts]);
}
