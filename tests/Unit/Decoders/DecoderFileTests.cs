using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using System.Text.Json;
using System.Text.Json.Nodes;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Tests.Formats.Gguf;
using MLNet.Gpt.Tests.Inference;
using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.TorchSharp;

namespace MLNet.Gpt.Tests.Decoders;

/// <summary>Files that the library did not write, and what others make of those that it writes.</summary>
[Collection(TorchCollection.Name)]
public sealed class DecoderFileTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Gguf => Path.Combine(_directory.Path, "model.gguf");

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(DecoderFamilies.HuggingFaceNames), MemberType = typeof(DecoderFamilies))]
    public void A_Hugging_Face_folder_is_read_as_transformers_reads_it(string name)
    {
        var description = DecoderFamilies.Named(name);
        var weights = description.RandomWeights(seed: 1);
        int[] ids = description.RandomIds(64, seed: 2);
        using var decoder = new TorchDecoder(description, weights);
        double[] expected = decoder.Logits(ids);
        ConfigStyle[] styles = [ConfigStyle.Version4, ConfigStyle.Early, ConfigStyle.Version5];
        if (description.IsGemma3) styles = [.. styles, ConfigStyle.Multimodal];

        // Early files have no list of layers.
        if (description is { IsGemma: false, GlobalEvery: > 0 }) styles = [ConfigStyle.Version4, ConfigStyle.Version5];
        foreach (var style in styles)
        {
            using var file = GptModelFile.Open(Folder(description, weights, style));
            Assert.Equal(LibraryDecoder.Config(description).Validated(), file.Config);
            using var model = NewModel(file, description);
            AssertLogits(expected, model.ComputeLogits(ids));
        }
    }

    [Fact]
    public void A_folder_in_shards_is_the_same_model()
    {
        var description = DecoderFamilies.Named("qwen3");
        var weights = description.RandomWeights(seed: 1);
        int[] ids = description.RandomIds(20, seed: 2);
        using var whole = Load(Folder(description, weights), description);
        using var parts = Load(Folder(description, weights, shards: 3), description);
        Assert.Equal(whole.ComputeLogits(ids), parts.ComputeLogits(ids));
    }

    [Theory]
    [MemberData(nameof(DecoderFamilies.GgufNames), MemberType = typeof(DecoderFamilies))]
    public void A_GGUF_file_is_read_as_llama_cpp_reads_it(string name)
    {
        var description = DecoderFamilies.Named(name);
        var weights = description.RandomWeights(seed: 1);
        int[] ids = description.RandomIds(64, seed: 2);
        using var decoder = new TorchDecoder(description, weights);
        GgufFile.Write(Gguf, description, weights);
        using var model = Load(Gguf, description);
        float[] logits = model.ComputeLogits(ids);
        AssertLogits(decoder.Logits(ids), logits);
        using var peer = new LlamaCppModel(Gguf);
        Assert.InRange(LargestDifference(peer.Logits(ids), logits), 0, 1e-3);
    }

    [Theory]
    [MemberData(nameof(DecoderFamilies.GgufNames), MemberType = typeof(DecoderFamilies))]
    public void An_exported_GGUF_file_runs_in_llama_cpp_with_the_same_logits_and_greedy_text(string name)
    {
        var description = DecoderFamilies.Named(name);
        var weights = LibraryDecoder.Weights(description, description.RandomWeights(seed: 1));
        GptModelExporter.Export(Gguf, weights, tokenizer: null, cancellationToken: Cancellation);
        using var model = NewModel(weights, description);
        using var peer = new LlamaCppModel(Gguf);
        int[] ids = description.RandomIds(64, seed: 2);
        Assert.InRange(LargestDifference(peer.Logits(ids), model.ComputeLogits(ids)), 0, 1e-3);

        peer.AssertGeneratesLike(model, ids.AsSpan(0, 40), count: 64);

        using var again = GptModelFile.Open(Gguf);
        Assert.Equal(weights.Config.Validated(), again.Config);
        AssertSame(weights, again, tolerance: 0);
    }

    [Theory]
    [MemberData(nameof(DecoderFamilies.HuggingFaceNames), MemberType = typeof(DecoderFamilies))]
    public void An_exported_folder_has_the_tensors_and_the_configuration_of_transformers(string name)
    {
        var description = DecoderFamilies.Named(name);
        var original = description.RandomWeights(seed: 1);
        var weights = LibraryDecoder.Weights(description, original);
        string folder = Path.Combine(_directory.Path, "exported");
        GptModelExporter.Export(folder, weights, tokenizer: null, cancellationToken: Cancellation);

        var tensors = HuggingFaceFolder.ReadSafetensors(Path.Combine(folder, "model.safetensors"));
        Assert.Equal(original.Keys.Order(), tensors.Keys.Order());
        foreach (var (tensor, expected) in original)
        {
            Assert.Equal(expected.Shape, tensors[tensor].Shape);
            Assert.Equal(0, LargestDifference(expected.Elements, tensors[tensor].Elements), description.IsGemma ? 1e-7 : 0);
        }

        // Every property that transformers' own file has, if it has a value.
        using var written = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "config.json")));
        using var expectedConfig = JsonDocument.Parse(HuggingFaceFolder.Config(description, ConfigStyle.Version4));
        HashSet<string> incidental =
        [
            "transformers_version", "bos_token_id", "eos_token_id", "pretraining_tp", "cache_implementation",
        ];
        if (description.Window is null) incidental.UnionWith(["layer_types", "max_window_layers"]); // there are no others
        if (name == "mistral-no-window") incidental.UnionWith(["model_type", "architectures"]); // which is a Llama
        foreach (var property in expectedConfig.RootElement.EnumerateObject().Where(each => !incidental.Contains(each.Name)))
        {
            if (property.Value.ValueKind == JsonValueKind.Null || property.Name.StartsWith('_')) continue;
            Assert.True(written.RootElement.TryGetProperty(property.Name, out var actual), property.Name);
            Assert.True(JsonElement.DeepEquals(property.Value, actual), $"{property.Name}: {actual} instead of {property.Value}");
        }

        using var again = GptModelFile.Open(folder);
        Assert.Equal(weights.Config.Validated(), again.Config);
        AssertSame(weights, again, tolerance: description.IsGemma ? 1e-7 : 0);
    }

    [Fact]
    public void A_long_context_costs_no_memory_before_it_is_used()
    {
        var description = DecoderFamilies.Named("llama3");
        var weights = description.RandomWeights(seed: 1);
        int[] ids = description.RandomIds(20, seed: 2);
        using var usual = Load(Folder(description, weights), description);
        using var unusual = Load(Folder(description with { ContextLength = 1_000_000_000 }, weights, shards: 2), description);
        using var session = unusual.CreateSession();
        Assert.Equal(usual.ComputeLogits(ids), unusual.ComputeLogits(ids));
        Assert.Equal(usual.ComputeLogits(ids)[^1000..], session.Append(ids, Cancellation).ToArray());
    }

    [Theory]
    [InlineData("llama", "hidden_act", "\"gelu\"")]
    [InlineData("llama", "attention_bias", "true", "q_proj.bias")]
    [InlineData("llama", "mlp_bias", "true", "gate_proj.bias")]
    [InlineData("llama-biases", "mlp_bias", "false", "gate_proj.bias")]
    [InlineData("mistral", "attention_bias", "true")]
    [InlineData("qwen2", "attention_bias", "true")]
    [InlineData("qwen3", "mlp_bias", "true")]
    [InlineData("gemma3", "mlp_bias", "true")]
    [InlineData("llama", "model_type", "\"mixtral\"")]
    [InlineData("llama", "final_logit_softcapping", "30.0")]
    [InlineData("qwen3", "attn_logit_softcapping", "50.0")]
    [InlineData("llama", "rope_scaling", """{"rope_type": "yarn", "factor": 4.0}""", "yarn")]
    [InlineData("llama", "rope_scaling", """{"type": "dynamic", "factor": 4.0}""", "dynamic")]
    [InlineData("llama", "rope_scaling", """{"rope_type": "linear"}""", "factor")]
    [InlineData("llama", "rope_scaling", """{"rope_type": "linear", "factor": 0}""", "")]
    [InlineData("llama", "rope_parameters", """{"rope_type": "longrope"}""", "longrope")]
    [InlineData("llama", "num_key_value_heads", "3")]
    [InlineData("llama", "num_attention_heads", "0")]
    [InlineData("llama", "head_dim", "33")]
    [InlineData("llama", "head_dim", "-32")]
    [InlineData("llama", "hidden_size", "-256")]
    [InlineData("llama", "rms_norm_eps", "0", "")]
    [InlineData("llama", "rms_norm_eps", "1e-400", "")]
    [InlineData("llama", "rope_theta", "-1", "")]
    [InlineData("llama", "num_local_experts", "8")]
    [InlineData("llama", "vocab_size", "999", "")]
    [InlineData("llama", "num_hidden_layers", "4", "")]
    [InlineData("llama", "num_hidden_layers", "2000000000", "")]
    [InlineData("llama", "num_hidden_layers", "2", "")]
    [InlineData("llama", "tie_word_embeddings", "\"yes\"", "")]
    [InlineData("mistral", "sliding_window", "0", "")]
    [InlineData("llama", "use_sliding_window", "true")]
    [InlineData("qwen2-window", "use_sliding_window", "false", "sliding_attention")]
    [InlineData("qwen2-window", "sliding_window", "0", "SlidingWindow")]
    [InlineData("qwen3", "layer_types", """["sliding_attention", "full_attention", "full_attention"]""", "sliding_attention")]
    [InlineData(
        "qwen3-alternating", "layer_types",
        """["full_attention", "sliding_attention", "full_attention", "full_attention", "sliding_attention"]""", "layer_types")]
    [InlineData("qwen3", "layer_types", """["full_attention"]""", "layer_types")]
    [InlineData("qwen3", "layer_types", """["full_attention", "full_attention", "linear_attention"]""", "linear_attention")]
    [InlineData("gemma3", "final_logit_softcapping", "0.0", "LogitSoftCap")]
    [InlineData("gemma2", "attn_logit_softcapping", "-50.0", "AttentionSoftCap")]
    [InlineData("gemma2", "use_bidirectional_attention", "true")]
    [InlineData("gemma2", "mlp_bias", "true")]
    [InlineData("gemma3", "use_bidirectional_attention", "true")]
    [InlineData("gemma3", "query_pre_attn_scalar", "0", "")]
    [InlineData("gemma3", "hidden_activation", "\"silu\"", "silu")]
    public void A_setting_of_a_folder_that_is_not_supported_is_refused_by_name(
        string name, string property, string value, string? mentioned = null)
    {
        var description = DecoderFamilies.Named(name);
        string folder = Folder(description, description.RandomWeights(seed: 1)), path = Path.Combine(folder, "config.json");
        var config = JsonNode.Parse(File.ReadAllText(path))!;
        config[property] = JsonNode.Parse(value);
        File.WriteAllText(path, config.ToJsonString());
        var error = Assert.Throws<InvalidDataException>(() => GptModelFile.Open(folder).Dispose());
        Assert.Contains(folder, error.Message, StringComparison.Ordinal);
        Assert.Contains(mentioned ?? value.Trim('"', '-'), error.Message, StringComparison.Ordinal);
        TestContext.Current.TestOutputHelper?.WriteLine(error.Message);
    }

    [Theory]
    [InlineData("llama", "attention.layer_norm_rms_epsilon", null)]
    [InlineData("llama", "attention.layer_norm_rms_epsilon", -1f, "")]
    [InlineData("llama", "embedding_length", null)]
    [InlineData("llama", "feed_forward_length", null)]
    [InlineData("llama", "feed_forward_length", 511u, "")]
    [InlineData("llama", "block_count", 4u, "")]
    [InlineData("llama", "block_count", 2u, "")]
    [InlineData("llama", "attention.head_count", 0u, "")]
    [InlineData("llama", "attention.head_count_kv", 3u, "")]
    [InlineData("llama", "attention.value_length", 64u)]
    [InlineData("llama", "rope.dimension_count", 16u)]
    [InlineData("llama", "rope.scaling.type", "yarn")]
    [InlineData("llama", "rope.scaling.factor", -2f, "")]
    [InlineData("llama", "rope.scaling.attn_factor", 2f)]
    [InlineData("llama", "rope.freq_base", 0f, "")]
    [InlineData("llama", "expert_count", 8u)]
    [InlineData("gemma3", "attn_logit_softcapping", 30f)]
    [InlineData("qwen3", "final_logit_softcapping", 30f)]
    [InlineData("gemma2", "final_logit_softcapping", 0f, "LogitSoftCap")]
    [InlineData("gemma2", "rope.freq_base_swa", 20_000f)]
    [InlineData("qwen3", "rope.dimension_count", 64u)]
    public void A_setting_of_a_GGUF_file_that_is_not_supported_is_refused_by_name(
        string name, string key, object? value, string? mentioned = null)
    {
        var description = DecoderFamilies.Named(name);
        GgufFile.Write(Gguf, description, description.RandomWeights(seed: 1), key, value);
        var error = Assert.Throws<InvalidDataException>(() => GptModelFile.Open(Gguf).Dispose());
        Assert.Contains(Gguf, error.Message, StringComparison.Ordinal);
        Assert.Contains(mentioned ?? key, error.Message, StringComparison.Ordinal);
        TestContext.Current.TestOutputHelper?.WriteLine(error.Message);
    }

    /// <summary>llama.cpp ignores the windows of Mistral and Qwen, so its files have the same logits here.</summary>
    [Theory]
    [InlineData("mistral-no-window")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    public void A_window_that_llama_cpp_ignores_in_a_GGUF_file_is_ignored(string name)
    {
        var description = DecoderFamilies.Named(name);
        int[] ids = description.RandomIds(64, seed: 2);
        GgufFile.Write(Gguf, description, description.RandomWeights(seed: 1), "attention.sliding_window", 8u);
        using var model = Load(Gguf, description);
        using var peer = new LlamaCppModel(Gguf);
        Assert.InRange(LargestDifference(peer.Logits(ids), model.ComputeLogits(ids)), 0, 1e-3);
        Assert.Null(model.Config.SlidingWindow);
    }

    /// <summary>Nothing that a file has may be ignored silently.</summary>
    [Theory]
    [InlineData("qwen3-biases")]
    [InlineData("llama3-short")]
    public void A_GGUF_file_with_weights_that_are_not_supported_is_refused(string name)
    {
        var description = DecoderFamilies.Named(name);
        GgufFile.Write(Gguf, description, description.RandomWeights(seed: 1));
        var error = Assert.Throws<InvalidDataException>(() => GptModelFile.Open(Gguf).Dispose());
        Assert.Contains(name == "llama3-short" ? "rope_freqs" : "bias", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mistral", "SlidingWindow")]
    [InlineData("qwen2-window", "SlidingWindow")]
    [InlineData("qwen3-alternating", "SlidingWindow")]
    [InlineData("gemma3-scalar", "AttentionScale")]
    [InlineData("gemma3-every-third", "base 10000")]
    [InlineData("gemma3-caps", "AttentionSoftCap")]
    [InlineData("gemma2-biases", "HasBias")]
    [InlineData("qwen3-biases", "HasBias")]
    [InlineData("nanogpt", "tanh")]
    [InlineData("llama3-short", "Llama 3")]
    public void What_llama_cpp_would_compute_otherwise_is_refused_by_name(string name, string part)
    {
        var description = DecoderFamilies.Named(name);
        var weights = LibraryDecoder.Weights(description, description.RandomWeights(seed: 1));
        var error = Assert.Throws<ArgumentException>(
            () => GptModelExporter.Export(Gguf, weights, tokenizer: null, cancellationToken: Cancellation));
        string obstacle = error.Message[..error.Message.IndexOf(" It is GptConfig", StringComparison.Ordinal)];
        Assert.Contains(part, obstacle, StringComparison.Ordinal);
        Assert.False(File.Exists(Gguf));
    }

    [Theory]
    [MemberData(nameof(DecoderFamilies.Names), MemberType = typeof(DecoderFamilies))]
    public void A_checkpoint_contains_every_decoder_to_the_last_bit(string name)
    {
        var description = DecoderFamilies.Named(name);
        var weights = LibraryDecoder.Weights(description, description.RandomWeights(seed: 1));
        string path = Path.Combine(_directory.Path, "model.safetensors");
        GptModelExporter.Export(path, weights, tokenizer: null, cancellationToken: Cancellation);
        using var file = GptModelFile.Open(path);
        Assert.Equal(weights.Config.Validated(), file.Config);
        AssertSame(weights, file, tolerance: 0);
    }

    [Theory]
    [InlineData("model.onnx", "Onnx")]
    [InlineData("model.pth", "PyTorch")]
    public void A_format_without_words_for_a_decoder_is_refused_and_those_with_are_named(string file, string format)
    {
        var description = DecoderFamilies.Named("gemma3");
        var weights = LibraryDecoder.Weights(description, description.RandomWeights(seed: 1));
        string path = Path.Combine(_directory.Path, file);
        var error = Assert.Throws<ArgumentException>(
            () => GptModelExporter.Export(path, weights, tokenizer: null, cancellationToken: Cancellation));
        Assert.Contains(format, error.Message, StringComparison.Ordinal);
        Assert.Contains("Checkpoint", error.Message, StringComparison.Ordinal);
        Assert.Contains("HuggingFace", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(path));
    }

    /// <summary>
    /// The blocks are those of llama.cpp's quantizer, except the head's, and the perplexity is llama.cpp's on the same file.
    /// What is exported once more keeps its bytes.
    /// </summary>
    [Theory]
    [InlineData("llama", false)]
    [InlineData("qwen2", true)]
    [InlineData("qwen3", true)]
    [InlineData("gemma3", true)]
    public void An_exported_file_of_four_bits_has_llama_cpps_blocks_and_perplexity(string name, bool hasTiedHead)
    {
        var description = OfBlocks(name);
        var weights = LibraryDecoder.Weights(description, description.RandomWeights(seed: 1));
        string plain = Path.Combine(_directory.Path, "plain.gguf"), reference = Path.Combine(_directory.Path, "reference.gguf");
        var options = new ExportOptions { DataType = TensorDataType.Q4_0 };
        GptModelExporter.Export(Gguf, weights, tokenizer: null, options, cancellationToken: Cancellation);
        GptModelExporter.Export(plain, weights, tokenizer: null, cancellationToken: Cancellation);
        LlamaCpp.QuantizeFile(plain, reference, fileType: 2);

        using (GptModelFile file = GptModelFile.Open(Gguf), theirs = GptModelFile.Open(reference))
        {
            Assert.Equal("Q4_0 + Q8_0 + F32", file.DataType);
            string head = hasTiedHead ? WeightNames.TokenEmbedding : WeightNames.Head;
            foreach (var entry in WeightNames.For(weights.Config).Where(entry => entry.Name != head))
            {
                float[] expected = new float[entry.ElementCount], actual = new float[entry.ElementCount];
                theirs.Read(entry.Name, 0, expected);
                file.Read(entry.Name, 0, actual);
                Assert.Equal(expected, actual);
            }

            string again = Path.Combine(_directory.Path, "again", "model.gguf");
            GptModelExporter.Export(again, file, tokenizer: null, options, cancellationToken: Cancellation);
            Assert.Equal(File.ReadAllBytes(Gguf), File.ReadAllBytes(again));
        }

        ComparePerplexity(Gguf, description, name, tokenCount: 1_280);
    }

    /// <summary>
    /// No weight is rounded a second time, whatever the types that a file mixes, and the bits do not depend on batches, threads
    /// or register widths. The rows of a Llama's queries and keys are in the order of neighboring pairs.
    /// </summary>
    [Theory]
    [InlineData("llama", 15, WeightPrecision.Int4)] // Q4_K_M: values of one block are Q6_K beside queries and keys of Q4_K
    [InlineData("llama", 18, WeightPrecision.Int8)] // Q6_K
    [InlineData("qwen3", 15, WeightPrecision.Int8)]
    [InlineData("gemma3", 18, WeightPrecision.Int4)]
    [InlineData("llama", 17, WeightPrecision.Int8)] // Q5_K_M
    public void Blocks_of_a_file_are_computed_on_as_they_are(string name, int fileType, WeightPrecision precision)
    {
        var description = OfBlocks(name);
        string quantized = Path.Combine(_directory.Path, "quantized.gguf");
        GgufFile.Write(Gguf, description, description.RandomWeights(seed: 1));
        LlamaCpp.QuantizeFile(Gguf, quantized, fileType);
        int v = description.VocabularySize;
        int[] ids = description.RandomIds(50, seed: 2);
        using var file = GptModelFile.Open(quantized);
        using var exact = NewModel(file, description);
        float[] unrounded = exact.ComputeLogits(ids);
        float[]? expected = null;
        foreach (var kernels in Fma.IsSupported || AdvSimd.IsSupported ? KernelSet.All : [KernelSet.Best])
        {
            foreach (int threadCount in new[] { 1, 3 })
            {
                using var model = GptModel.FromWeights(
                    file, new CountingTokenizer(v), new() { Precision = precision, ThreadCount = threadCount }, kernels);
                float[] logits = model.ComputeLogits(ids);
                if (expected is null)
                {
                    expected = logits;
                    AssertSame(file, new PackedWeightReader(model.Weights), tolerance: 0);
                    Assert.InRange(model.Weights.ByteCount, 1, 1.3 * new FileInfo(quantized).Length); // 256 outputs are padded to 288
                    bool isMixed = model.Weights.Blocks.Any(block => block.QueryKeyValue.Parts.Count > 0);
                    Assert.Equal(fileType != 18, isMixed);
                    double error = Math.Sqrt(unrounded.Zip(expected, (x, y) => (double)(x - y) * (x - y)).Average());
                    Assert.InRange(error / unrounded.Max(Math.Abs), 1e-7, 0.01); // of activations
                }

                Assert.Equal(expected, logits);
                using GptSession session = model.CreateSession(), other = model.CreateSession();
                session.Append(ids.AsSpan(0, 20), Cancellation);
                other.Append(ids.AsSpan(0, 5), Cancellation);
                for (int t = 20; t < 30; t++)
                {
                    model.Step([session, other], [ids[t], ids[t - 15]], Cancellation);
                    Assert.Equal(expected.AsSpan(t * v, v), session.Logits);
                    Assert.Equal(expected.AsSpan((t - 15) * v, v), other.Logits);
                    if (t == 25) session.Append(ids.AsSpan(t + 1, 1), Cancellation);
                    if (t == 25) session.Truncate(26);
                }
            }
        }
    }

    public static TheoryData<string, string, int> Quantized => new()
    {
        { "llama", "Q4_0", 2 }, { "llama", "Q5_0", 8 }, { "llama", "Q8_0", 7 }, { "llama", "Q4_K_M", 15 }, { "llama", "Q5_K_M", 17 },
        { "llama", "Q6_K", 18 }, { "qwen2", "Q8_0", 7 }, { "qwen3", "Q4_K_M", 15 }, { "gemma3", "Q6_K", 18 },
        { "gemma2", "Q8_0", 7 },
    };

    /// <summary>Files that llama.cpp's quantizer wrote, whose products it computes with activations of eight bits.</summary>
    [Theory]
    [MemberData(nameof(Quantized))]
    public void A_quantized_file_has_the_perplexity_that_llama_cpp_has(string name, string type, int fileType) =>
        ComparePerplexity(name, type, fileType, tokenCount: 1_280);

    public static TheoryData<string, string, int> QuantizedFamilies
    {
        get
        {
            var data = new TheoryData<string, string, int>();
            foreach (string name in new[] { "llama", "llama3", "mistral-no-window", "qwen2", "qwen3", "gemma3" })
            {
                (string, int)[] types = [("Q4_0", 2), ("Q5_0", 8), ("Q8_0", 7), ("Q4_K_M", 15), ("Q5_K_M", 17), ("Q6_K", 18)];
                foreach (var (type, fileType) in types) data.Add(name, type, fileType);
            }

            return data;
        }
    }

    [Theory(Explicit = true)]
    [Trait("Category", "Slow")]
    [MemberData(nameof(QuantizedFamilies))]
    public void A_quantized_file_has_the_perplexity_that_llama_cpp_has_over_20_000_tokens(string name, string type, int fileType) =>
        ComparePerplexity(name, type, fileType, tokenCount: 20_096);

    [Fact]
    public void TorchSharps_network_refuses_other_decoders()
    {
        var description = DecoderFamilies.Named("llama");
        var weights = LibraryDecoder.Weights(description, description.RandomWeights(seed: 1));
        var error = Assert.Throws<ArgumentException>(() => GptModule.FromWeights(weights));
        Assert.Contains("RmsNorm", error.Message, StringComparison.Ordinal);
    }

    private void ComparePerplexity(string name, string type, int fileType, int tokenCount)
    {
        var description = OfBlocks(name);
        GgufFile.Write(Gguf, description, description.RandomWeights(seed: 1));
        string quantized = Path.Combine(_directory.Path, $"{type}.gguf");
        LlamaCpp.QuantizeFile(Gguf, quantized, fileType);

        using (var file = GptModelFile.Open(quantized))
        {
            Assert.Contains(type.Split("_M")[0], file.DataType, StringComparison.Ordinal);
        }

        ComparePerplexity(quantized, description, $"{name} {type}", tokenCount);
    }

    // Rows of whole blocks of every type.
    private static DecoderDescription OfBlocks(string name) =>
        DecoderFamilies.Named(name) with { LayerCount = 2, VocabularySize = 256, FeedForwardWidth = 256 };

    // Also with activations of eight bits, on the file's blocks.
    private static void ComparePerplexity(string path, DecoderDescription description, string label, int tokenCount)
    {
        using var model = Load(path, description);
        using var blocks = GptModel.Load(
            path, new() { Precision = WeightPrecision.Int8 }, new CountingTokenizer(description.VocabularySize));
        using var peer = new LlamaCppModel(path);
        double loss = 0, blocksLoss = 0, peersLoss = 0;
        for (int text = 0; text < tokenCount / 128; text++)
        {
            int[] ids = description.RandomIds(129, seed: text);
            loss += Loss(model.ComputeLogits(ids.AsSpan(0, 128)), ids, description.VocabularySize);
            blocksLoss += Loss(blocks.ComputeLogits(ids.AsSpan(0, 128)), ids, description.VocabularySize);
            peersLoss += Loss(peer.Logits(ids.AsSpan(0, 128)), ids, description.VocabularySize);
        }

        double ratio = Math.Exp((loss - peersLoss) / tokenCount), ofBlocks = Math.Exp((blocksLoss - peersLoss) / tokenCount);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{label}: perplexity {Math.Exp(loss / tokenCount):F3}, {ratio - 1:P4} above llama.cpp's, on blocks {ofBlocks - 1:P4}");
        Assert.Equal(1, ratio, 0.005);
        Assert.Equal(1, ofBlocks, 0.005);
    }

    private static double Loss(float[] logits, int[] ids, int v)
    {
        double loss = 0;
        for (int t = 0; t + 1 < ids.Length; t++)
        {
            double maximum = logits.AsSpan(t * v, v).ToArray().Max(), sum = 0;
            for (int id = 0; id < v; id++) sum += Math.Exp(logits[(t * v) + id] - maximum);
            loss += maximum + Math.Log(sum) - logits[(t * v) + ids[t + 1]];
        }

        return loss;
    }

    private static GptModel Load(string path, DecoderDescription description) =>
        GptModel.Load(path, tokenizer: new CountingTokenizer(description.VocabularySize));

    private static GptModel NewModel(IWeightSource weights, DecoderDescription description) =>
        GptModel.FromWeights(weights, new CountingTokenizer(description.VocabularySize));

    private static void AssertSame(IWeightSource expected, IWeightSource actual, double tolerance)
    {
        foreach (var entry in WeightNames.For(expected.Config))
        {
            float[] left = new float[entry.ElementCount], right = new float[entry.ElementCount];
            expected.Read(entry.Name, 0, left);
            actual.Read(entry.Name, 0, right);
            Assert.Equal(0, LargestDifference(left, right), tolerance);
        }
    }

    // 1e-5 where logits are small, 5e-6 of the largest one where they are greater, as in DecoderTests: the rounding of single
    // precision is proportional to the numbers, and the oracle computes in double precision.
    private static void AssertLogits(double[] expected, float[] actual)
    {
        double difference = LargestDifference(expected, actual), largest = expected.Max(Math.Abs);
        TestContext.Current.TestOutputHelper?.WriteLine($"{difference:E2} of {largest:F2}");
        Assert.InRange(difference, 0, Math.Max(1e-5, 5e-6 * largest));
    }

    private static double LargestDifference(float[] expected, float[] actual) =>
        LargestDifference(Array.ConvertAll(expected, x => (double)x), actual);

    private static double LargestDifference(double[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        return expected.Zip(actual, (x, y) => Math.Abs(x - y)).Max();
    }

    private string Folder(
        DecoderDescription description, Dictionary<string, NamedTensor> weights, ConfigStyle style = ConfigStyle.Version4, int shards = 1)
    {
        string folder = Path.Combine(_directory.Path, $"{style}-{shards}");
        HuggingFaceFolder.Write(folder, description, weights, style, shards);
        return folder;
    }
}
