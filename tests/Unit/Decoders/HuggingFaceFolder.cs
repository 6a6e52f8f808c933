using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using MLNet.Gpt.Tests.Formats;

namespace MLNet.Gpt.Tests.Decoders;

/// <summary>How a <c>config.json</c> spells the rotary positions and the windows, which changed over the years.</summary>
internal enum ConfigStyle
{
    /// <summary>transformers 4.5x: <c>rope_theta</c>, <c>rope_scaling</c>, <c>layer_types</c>.</summary>
    Version4,

    /// <summary>The config.json of models published before <c>layer_types</c>, with what equals a default left out.</summary>
    Early,

    /// <summary>transformers 5: <c>rope_parameters</c>.</summary>
    Version5,

    /// <summary>A Gemma 3 that sees pictures: the decoder in <c>text_config</c>, its tensors under <c>language_model</c>.</summary>
    Multimodal,
}

/// <summary>Writes a model as transformers' <c>save_pretrained</c> does; without a tokenizer.</summary>
internal static class HuggingFaceFolder
{
    private const string PictureTensor = "vision_tower.vision_model.embeddings.patch_embedding.weight";

    public static void Write(
        string folder, DecoderDescription description, Dictionary<string, NamedTensor> weights, ConfigStyle style = ConfigStyle.Version4,
        int shards = 1)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), Config(description, style));
        if (style == ConfigStyle.Multimodal)
        {
            weights = weights.ToDictionary(each => $"language_model.{each.Key}", each => each.Value);
            weights.Add(PictureTensor, new([2, 3], [1, 2, 3, 4, 5, 6]));
        }

        if (shards == 1)
        {
            File.WriteAllBytes(Path.Combine(folder, "model.safetensors"), Safetensors(weights));
            return;
        }

        var map = new JsonObject();
        int perShard = (weights.Count + shards - 1) / shards;
        foreach (var (index, part) in weights.Chunk(perShard).Index())
        {
            string name = $"model-{index + 1:00000}-of-{shards:00000}.safetensors";
            File.WriteAllBytes(Path.Combine(folder, name), Safetensors(part.ToDictionary()));
            foreach (var (tensor, _) in part) map[tensor] = name;
        }

        long size = weights.Values.Sum(tensor => 4L * tensor.Elements.Length);
        var root = new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = size }, ["weight_map"] = map };
        File.WriteAllText(Path.Combine(folder, "model.safetensors.index.json"), root.ToJsonString());
    }

    /// <summary>Returns a <c>config.json</c>.</summary>
    public static string Config(DecoderDescription description, ConfigStyle style)
    {
        string name = description.ModelType == "gemma3_text"
            ? "Gemma3" : char.ToUpperInvariant(description.ModelType[0]) + description.ModelType[1..];
        var config = Fields(description, style);
        if (style != ConfigStyle.Multimodal)
        {
            config["architectures"] = new JsonArray($"{name}ForCausalLM");
            config["transformers_version"] = style == ConfigStyle.Version5 ? "5.1.0" : "4.56.1";
            return config.ToJsonString(new() { WriteIndented = true });
        }

        return new JsonObject
        {
            ["architectures"] = new JsonArray($"{name}ForConditionalGeneration"),
            ["model_type"] = "gemma3",
            ["boi_token_index"] = 255_999,
            ["mm_tokens_per_image"] = 256,
            ["text_config"] = config,
            ["vision_config"] = new JsonObject { ["hidden_size"] = 1152, ["model_type"] = "siglip_vision_model" },
            ["transformers_version"] = "4.50.0.dev0",
        }.ToJsonString(new() { WriteIndented = true });
    }

    /// <summary>Returns the tensors of a safetensors file in single precision.</summary>
    public static Dictionary<string, NamedTensor> ReadSafetensors(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        int start = 8 + (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        using var header = JsonDocument.Parse(bytes.AsMemory(8, start - 8));
        return header.RootElement.EnumerateObject().Where(each => each.Name != "__metadata__").ToDictionary(each => each.Name, each =>
        {
            Assert.Equal("F32", each.Value.GetProperty("dtype").GetString());
            int[] ends = each.Value.GetProperty("data_offsets").Deserialize<int[]>()!;
            var data = bytes.AsSpan(start + ends[0], ends[1] - ends[0]);
            return new NamedTensor(each.Value.GetProperty("shape").Deserialize<int[]>()!, MemoryMarshal.Cast<byte, float>(data).ToArray());
        });
    }

    private static JsonObject Fields(DecoderDescription description, ConfigStyle style)
    {
        var config = new JsonObject
        {
            ["model_type"] = description.ModelType,
            ["vocab_size"] = description.VocabularySize,
            ["hidden_size"] = description.Width,
            ["intermediate_size"] = description.FeedForwardWidth,
            ["num_hidden_layers"] = description.LayerCount,
            ["num_attention_heads"] = description.HeadCount,
            ["num_key_value_heads"] = description.KeyValueHeadCount,
            ["max_position_embeddings"] = description.ContextLength,
            ["rms_norm_eps"] = description.NormEpsilon,
            [description.IsGemma ? "hidden_activation" : "hidden_act"] = description.IsGemma ? "gelu_pytorch_tanh" : "silu",
            ["attention_dropout"] = 0.0,
            ["initializer_range"] = 0.02,
            ["use_cache"] = true,
            ["bos_token_id"] = 1,
            ["eos_token_id"] = description.IsGemma ? new JsonArray(2, 106) : 2,
            [style == ConfigStyle.Version5 ? "dtype" : "torch_dtype"] = "float32",
        };
        bool isEarly = style is ConfigStyle.Early or ConfigStyle.Multimodal;
        if (!isEarly || description.HeadSize * description.HeadCount != description.Width) config["head_dim"] = description.HeadSize;
        if (!isEarly || description.HasTiedHead != description.IsGemma) config["tie_word_embeddings"] = description.HasTiedHead;
        if (description.ModelType is "llama" or "qwen3" or "gemma2" or "gemma3_text" && (!isEarly || description.HasOutputBias))
        {
            config["attention_bias"] = description.HasOutputBias;
        }

        if (description.ModelType == "llama")
        {
            config["pretraining_tp"] = 1;
            if (!isEarly || description.HasFeedForwardBias) config["mlp_bias"] = description.HasFeedForwardBias;
        }

        AddWindow(config, description, style, isEarly);
        AddPositions(config, description, style, isEarly);
        return config;
    }

    private static void AddWindow(JsonObject config, DecoderDescription description, ConfigStyle style, bool isEarly)
    {
        switch (description.ModelType)
        {
            case "mistral":
                config["sliding_window"] = description.Window;
                break;
            case "qwen2" or "qwen3":
                config["use_sliding_window"] = description.Window is not null;
                config["sliding_window"] = isEarly ? description.Window ?? 4096 : description.Window; // Qwen's files have one that is off
                config["max_window_layers"] = description.Window is null ? 28 : description.FirstLocalLayer;
                break;
            case "gemma2":
                config["sliding_window"] = description.Window;
                config["query_pre_attn_scalar"] = description.QueryScalar ?? description.HeadSize;
                config["attn_logit_softcapping"] = description.AttentionCap;
                config["final_logit_softcapping"] = description.LogitCap;
                config["cache_implementation"] = "hybrid";
                if (isEarly) config["hidden_act"] = "gelu_pytorch_tanh";
                break;
            case "gemma3_text":
                config["sliding_window"] = description.Window;
                config["query_pre_attn_scalar"] = description.QueryScalar ?? description.HeadSize;
                config["attn_logit_softcapping"] = description.AttentionCap;
                config["final_logit_softcapping"] = description.LogitCap;
                config["cache_implementation"] = "hybrid";
                if (isEarly) config["sliding_window_pattern"] = description.GlobalEvery;
                else config["_sliding_window_pattern"] = description.GlobalEvery;
                if (style == ConfigStyle.Version5) config["use_bidirectional_attention"] = false;
                break;
        }

        if (isEarly || description.ModelType is "llama" or "mistral") return;
        config["layer_types"] = new JsonArray([.. Enumerable.Range(0, description.LayerCount).Select(layer =>
            (JsonNode)(description.IsLocal(layer) ? "sliding_attention" : "full_attention"))]);
    }

    private static void AddPositions(JsonObject config, DecoderDescription description, ConfigStyle style, bool isEarly)
    {
        JsonObject? scaling = description switch
        {
            { LinearFactor: { } factor } => new() { ["factor"] = factor, [isEarly ? "type" : "rope_type"] = "linear" },
            { Llama3: { } llama3 } => new()
            {
                ["factor"] = llama3.Factor, ["high_freq_factor"] = llama3.High, ["low_freq_factor"] = llama3.Low,
                ["original_max_position_embeddings"] = llama3.OriginalLength, ["rope_type"] = "llama3",
            },
            _ => null,
        };
        if (style != ConfigStyle.Version5)
        {
            bool isDefault = description.RotaryBase == (description.IsGemma3 ? 1_000_000 : 10_000);
            if (!isEarly || !isDefault) config["rope_theta"] = description.RotaryBase;
            if (description.IsGemma3 && (!isEarly || description.LocalRotaryBase != 10_000))
            {
                config["rope_local_base_freq"] = description.LocalRotaryBase;
            }

            config["rope_scaling"] = scaling;
            return;
        }

        scaling ??= new() { ["rope_type"] = "default" };
        scaling["rope_theta"] = description.RotaryBase;
        config["rope_parameters"] = !description.IsGemma3 ? scaling : new JsonObject
        {
            ["full_attention"] = scaling,
            ["sliding_attention"] = new JsonObject { ["rope_type"] = "default", ["rope_theta"] = description.LocalRotaryBase },
        };
    }

    private static byte[] Safetensors(Dictionary<string, NamedTensor> weights)
    {
        var header = new JsonObject { ["__metadata__"] = new JsonObject { ["format"] = "pt" } };
        using var data = new MemoryStream();
        foreach (var (name, tensor) in weights)
        {
            long start = data.Length;
            data.Write(MemoryMarshal.AsBytes<float>(tensor.Elements));
            header[name] = new JsonObject
            {
                ["dtype"] = "F32",
                ["shape"] = JsonSerializer.SerializeToNode(tensor.Shape),
                ["data_offsets"] = new JsonArray(start, data.Length),
            };
        }

        return SafetensorsBytes.Of(header.ToJsonString(), data.ToArray());
    }
}
