using System.Text.Json;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Formats.Metadata;

namespace MLNet.Gpt.Formats.HuggingFace;

/// <summary>
/// The <c>config.json</c> of Llama, Mistral, Qwen 2, Qwen 3, Gemma 2 and Gemma 3 (text). Settings that this library does not
/// support are an error that names them. Sources: transformers' <c>LlamaConfig</c>, <c>MistralConfig</c>, <c>Qwen2Config</c>,
/// <c>Qwen3Config</c>, <c>Gemma2Config</c> and <c>Gemma3TextConfig</c>, whose defaults apply to missing properties.
/// </summary>
internal static class DecoderConfig
{
    private const string Sliding = "sliding_attention", Global = "full_attention";

    private const string WindowSwitch = "use_sliding_window", FirstWindow = "max_window_layers";
    private const string AttentionBias = "attention_bias", FeedForwardBias = "mlp_bias";
    private const string AttentionCap = "attn_logit_softcapping", LogitCap = "final_logit_softcapping";

    // What is not supported: switches that must be off, and numbers that must be absent.
    private static readonly string[] Switches = ["use_bidirectional_attention"];
    private static readonly string[] Numbers = ["num_experts", "num_local_experts"];

    private static readonly Dictionary<string, Defaults> Families = new(StringComparer.Ordinal)
    {
        ["llama"] = new(GptFamily.Llama, 4096, 11008, 32, 32, 0, 0, 2048, 32000, 10000, "silu", IsTied: false),
        ["mistral"] = new(GptFamily.Mistral, 4096, 14336, 32, 32, 8, 0, 131072, 32000, 10000, "silu", IsTied: false),
        ["qwen2"] = new(GptFamily.Qwen2, 4096, 22016, 32, 32, 32, 0, 32768, 151936, 10000, "silu", IsTied: false),
        ["qwen3"] = new(GptFamily.Qwen3, 4096, 22016, 32, 32, 32, 128, 32768, 151936, 10000, "silu", IsTied: false),
        ["gemma2"] = new(GptFamily.Gemma2, 2304, 9216, 26, 8, 4, 256, 8192, 256000, 10000, "gelu_pytorch_tanh", IsTied: true)
        {
            AttentionCap = 50, LogitCap = 30,
        },
        ["gemma3_text"] = new(
            GptFamily.Gemma3, 2304, 9216, 26, 8, 4, 256, 131072, 262208, 1_000_000, "gelu_pytorch_tanh", IsTied: true),
    };

    /// <summary>The model types that can be read, besides gpt2.</summary>
    public static IEnumerable<string> Types => Families.Keys;

    /// <summary>Returns whether a model type is one of these; the text part of Gemma 3 with vision is.</summary>
    public static bool Has(string type) => Families.ContainsKey(type) || type == "gemma3";

    /// <summary>Reads the properties; the result creates the configuration.</summary>
    /// <param name="path">For messages.</param>
    /// <param name="root">The object.</param>
    /// <param name="type">The model type.</param>
    /// <exception cref="InvalidDataException">It describes an unsupported model.</exception>
    public static Func<GptConfig> Fields(string path, JsonElement root, string type)
    {
        bool? isTied = root.Optional("tie_word_embeddings")?.GetBoolean();
        if (type == "gemma3") // with vision
        {
            root = root.Optional("text_config") ?? throw new JsonException("It lacks 'text_config'.");
            type = "gemma3_text";
        }

        var defaults = Families[type];
        bool isQwen = IsQwen(defaults.Family);
        string[] absent = [.. Switches, .. BiasesOf(defaults.Family, isThere: false), .. isQwen ? (string[])[] : [WindowSwitch]];
        foreach (string name in absent)
        {
            if (IsOn(name)) throw Unsupported(path, name, root);
        }

        bool isGemma = IsGemma(defaults.Family);
        foreach (string name in isGemma ? Numbers : [.. Numbers, AttentionCap, LogitCap])
        {
            if (root.Optional(name) is not null) throw Unsupported(path, name, root);
        }

        string activation = (root.Optional("hidden_activation") ?? root.Optional("hidden_act"))?.GetString() ?? defaults.Activation;
        if (activation != defaults.Activation)
        {
            throw new InvalidDataException($"'{path}' specifies the activation '{activation}'; that of {type} is '{defaults.Activation}'.");
        }

        bool IsOn(string name) => root.Optional(name)?.GetBoolean() == true;
        double? Cap(string name, double? fallback) =>
            !isGemma ? null : root.TryGetProperty(name, out _) ? root.Optional(name)?.GetDouble() : fallback;
        int Integer(string name, int fallback) => root.Optional(name) is null ? fallback : root.Integer(name);
        int width = Integer("hidden_size", defaults.Width), heads = Integer("num_attention_heads", defaults.Heads);
        int keyHeads = Integer("num_key_value_heads", defaults.KeyHeads == 0 ? heads : defaults.KeyHeads);
        int headSize = Integer("head_dim", defaults.HeadSize == 0 ? width / Math.Max(1, heads) : defaults.HeadSize);
        int layers = Integer("num_hidden_layers", defaults.Layers);
        var family = defaults.Family;
        bool hasBias = IsOn(AttentionBias), hasFeedForwardBias = IsOn(FeedForwardBias);
        var config = new
        {
            Vocabulary = Integer("vocab_size", defaults.Vocabulary),
            Context = Integer("max_position_embeddings", defaults.Context),
            Inner = Integer("intermediate_size", defaults.Inner),
            Epsilon = root.Optional("rms_norm_eps")?.GetDouble() ?? 1e-6,
            Scale = root.Optional("query_pre_attn_scalar")?.GetDouble() ?? 256,
            AttentionCap = Cap(AttentionCap, defaults.AttentionCap),
            LogitCap = Cap(LogitCap, defaults.LogitCap),
            IsTied = root.Optional("tie_word_embeddings")?.GetBoolean() ?? isTied ?? defaults.IsTied,
        };
        var (window, firstSliding, interval) = Windows(path, root, family, layers);
        var rotary = RotaryOf(path, root, defaults, hasWindow: window is not null);
        return () => new GptConfig
        {
            VocabularySize = config.Vocabulary,
            ContextLength = config.Context,
            EmbeddingWidth = width,
            HeadCount = heads,
            KeyValueHeadCount = keyHeads,
            HeadSize = headSize,
            LayerCount = layers,
            FeedForwardWidth = config.Inner,
            DropoutRate = 0,
            HasQkvBias = hasBias || family == GptFamily.Qwen2,
            HasBias = hasBias,
            HasFeedForwardBias = hasFeedForwardBias,
            HasTiedHead = config.IsTied,
            Normalization = Normalization.RmsNorm,
            NormEpsilon = (float)config.Epsilon,
            HasPostNorms = isGemma,
            HasQueryKeyNorm = family is GptFamily.Qwen3 or GptFamily.Gemma3,
            Rotary = rotary(),
            AttentionScale = isGemma ? 1 / Math.Sqrt(config.Scale) : 1 / Math.Sqrt(headSize),
            AttentionSoftCap = config.AttentionCap,
            LogitSoftCap = config.LogitCap,
            SlidingWindow = window,
            FirstSlidingLayer = firstSliding,
            GlobalLayerInterval = interval,
            FeedForward = isGemma ? FeedForwardKind.GeGlu : FeedForwardKind.SwiGlu,
            HasScaledEmbedding = isGemma,
        };
    }

    /// <summary>Writes the properties of a decoder that is not a GPT-2.</summary>
    /// <param name="json">Receives them.</param>
    /// <param name="config">The configuration.</param>
    /// <param name="family">Its family.</param>
    public static void Write(Utf8JsonWriter json, GptConfig config, GptFamily family)
    {
        bool isGemma = IsGemma(family), isGemma3 = family == GptFamily.Gemma3, isQwen = IsQwen(family);
        string[] biases = BiasesOf(family, isThere: true);
        if (biases.Contains(AttentionBias)) json.WriteBoolean(AttentionBias, config.HasBias);
        json.WriteFloat("attention_dropout", config.DropoutRate);
        if (isGemma) WriteCap(json, AttentionCap, config.AttentionSoftCap);
        if (isGemma) WriteCap(json, LogitCap, config.LogitSoftCap);
        json.WriteNumber("head_dim", config.HeadSize);
        json.WriteString(isGemma ? "hidden_activation" : "hidden_act", isGemma ? "gelu_pytorch_tanh" : "silu");
        json.WriteNumber("hidden_size", config.EmbeddingWidth);
        json.WriteNumber("initializer_range", 0.02);
        json.WriteNumber("intermediate_size", config.FeedForwardWidth);
        if (isGemma || (isQwen && config.SlidingWindow is not null))
        {
            json.WriteStartArray("layer_types");
            for (int layer = 0; layer < config.LayerCount; layer++) json.WriteStringValue(config.IsSliding(layer) ? Sliding : Global);
            json.WriteEndArray();
        }

        json.WriteNumber("max_position_embeddings", config.ContextLength);
        if (isQwen && config.SlidingWindow is not null) json.WriteNumber(FirstWindow, config.FirstSlidingLayer);
        if (biases.Contains(FeedForwardBias)) json.WriteBoolean(FeedForwardBias, config.HasFeedForwardBias);
        json.WriteNumber("num_attention_heads", config.HeadCount);
        json.WriteNumber("num_hidden_layers", config.LayerCount);
        json.WriteNumber("num_key_value_heads", config.KeyValueHeadCount);
        if (isGemma) json.WriteNumber("query_pre_attn_scalar", Rounded(1 / (config.AttentionScale * config.AttentionScale)));
        json.WriteFloat("rms_norm_eps", config.NormEpsilon);
        var rotary = config.Rotary!;
        if (isGemma3) json.WriteFloat("rope_local_base_freq", rotary.SlidingBase ?? rotary.Base);
        WriteScaling(json, rotary);
        json.WriteFloat("rope_theta", rotary.Base);
        if (config.SlidingWindow is { } window) json.WriteNumber("sliding_window", window);
        else if (isGemma) json.WriteNull("sliding_window");
        if (isGemma3 && config.GlobalLayerInterval > 0) json.WriteNumber("sliding_window_pattern", config.GlobalLayerInterval);
        json.WriteBoolean("tie_word_embeddings", config.HasTiedHead);
        if (isQwen) json.WriteBoolean(WindowSwitch, config.SlidingWindow is not null);
    }

    // The switches of biases that a family has, or those that it lacks.
    private static string[] BiasesOf(GptFamily family, bool isThere) => family switch
    {
        GptFamily.Llama => isThere ? [AttentionBias, FeedForwardBias] : [],
        GptFamily.Mistral or GptFamily.Qwen2 => isThere ? [] : [AttentionBias, FeedForwardBias],
        _ => isThere ? [AttentionBias] : [FeedForwardBias],
    };

    private static bool IsQwen(GptFamily family) => family is GptFamily.Qwen2 or GptFamily.Qwen3;

    private static bool IsGemma(GptFamily family) => family is GptFamily.Gemma2 or GptFamily.Gemma3;

    // Without a number there is no cap, whatever the family's default.
    private static void WriteCap(Utf8JsonWriter json, string name, double? cap)
    {
        if (cap is { } limit) json.WriteFloat(name, limit);
        else json.WriteNull(name);
    }

    private static void WriteScaling(Utf8JsonWriter json, RotaryEncoding rotary)
    {
        if (rotary is { Llama3: null, LinearFactor: 1 })
        {
            json.WriteNull("rope_scaling");
            return;
        }

        json.WriteStartObject("rope_scaling");
        json.WriteFloat("factor", rotary.Llama3?.Factor ?? rotary.LinearFactor);
        if (rotary.Llama3 is { } scaling)
        {
            json.WriteFloat("high_freq_factor", scaling.HighFrequencyFactor);
            json.WriteFloat("low_freq_factor", scaling.LowFrequencyFactor);
            json.WriteNumber("original_max_position_embeddings", scaling.OriginalContextLength);
        }

        json.WriteString("rope_type", rotary.Llama3 is null ? "linear" : "llama3");
        json.WriteEndObject();
    }

    // The sliding window, the first layer that has one, and every how many layers one has none.
    private static (int? Length, int First, int Interval) Windows(string path, JsonElement root, GptFamily family, int layers)
    {
        // Whether a missing length has a default; Qwen's windows are off even with a length.
        bool isOn = root.Optional(WindowSwitch)?.GetBoolean() == true;
        bool isUsual = family == GptFamily.Mistral || IsGemma(family) || (IsQwen(family) && isOn);
        int? window = IsQwen(family) && !isUsual ? null
            : root.Optional("sliding_window") is not null ? root.Integer("sliding_window")
            : root.TryGetProperty("sliding_window", out _) || !isUsual ? null
            : 4096;
        int pattern = root.Optional("sliding_window_pattern") is not null ? root.Integer("sliding_window_pattern")
            : root.Optional("_sliding_window_pattern") is not null ? root.Integer("_sliding_window_pattern")
            : family == GptFamily.Gemma2 ? 2 : 6;
        if (root.Optional("layer_types") is { } types) return WindowsOf(path, types, window, IsGemma(family) ? pattern : 0, layers);
        if (window is null || family == GptFamily.Llama) return (null, 0, 0);
        if (IsGemma(family)) return (window, 0, pattern);
        int first = !IsQwen(family) ? 0 : root.Optional(FirstWindow) is null ? 28 : root.Integer(FirstWindow);
        return first < layers ? (window, first, 0) : (null, 0, 0);
    }

    // The same from a list with the type of each layer.
    private static (int? Length, int First, int Interval) WindowsOf(string path, JsonElement types, int? window, int pattern, int layers)
    {
        bool[] isSliding = [.. types.EnumerateArray().Select(each => each.GetString() switch
        {
            Sliding => true,
            Global => false,
            var other => throw new InvalidDataException(
                $"'{path}' has a layer of type '{other}'; supported are '{Global}' and '{Sliding}'."),
        })];
        if (isSliding.Length != layers)
        {
            throw new InvalidDataException($"'{path}' has layer_types for {isSliding.Length} layers; it has {layers} layers.");
        }

        int first = Array.IndexOf(isSliding, true);
        if (first < 0) return (null, 0, 0);
        if (window is null)
        {
            throw new InvalidDataException($"'{path}' has layers of type '{Sliding}', but sliding_window is missing or off.");
        }

        // Several intervals may give the same layers; the family's own comes first.
        foreach (int interval in (int[])[pattern, 0, .. Enumerable.Range(2, layers)])
        {
            bool IsSliding(int layer) => layer >= first && (interval == 0 || (layer + 1) % interval != 0);
            if (isSliding.Index().All(each => each.Item == IsSliding(each.Index))) return (window, first, interval);
        }

        throw new InvalidDataException(
            $"'{path}' has layer_types that do not repeat from the first '{Sliding}' on; only such patterns are supported.");
    }

    // rope_theta and rope_scaling, or rope_parameters of transformers 5.
    private static Func<RotaryEncoding> RotaryOf(string path, JsonElement root, Defaults defaults, bool hasWindow)
    {
        JsonElement? parameters = root.Optional("rope_parameters"), ofAll = parameters?.Optional(Global) ?? parameters;
        double theta = (ofAll?.Optional("rope_theta") ?? root.Optional("rope_theta"))?.GetDouble() ?? defaults.Base;
        bool isGemma = defaults.Family == GptFamily.Gemma3;
        var ofSliding = parameters?.Optional(Sliding);
        double local = (ofSliding?.Optional("rope_theta") ?? root.Optional("rope_local_base_freq"))?.GetDouble() ?? 10000;
        if (ofSliding?.Optional("rope_type")?.GetString() is not (null or "default"))
        {
            throw new InvalidDataException($"'{path}' scales the rotary positions of layers of type '{Sliding}', which is not supported.");
        }

        var scaling = ofAll ?? root.Optional("rope_scaling");
        string kind = scaling is { } given ? (given.Optional("rope_type") ?? given.Optional("type"))?.GetString() ?? "default" : "default";
        double factor = kind is "linear" or "llama3" ? scaling!.Value.Number("factor") : 1;
        Func<Llama3Scaling>? llama3 = null;
        switch (kind)
        {
            case "default" or "linear":
                break;
            case "llama3":
                double low = scaling!.Value.Number("low_freq_factor");
                double high = scaling.Value.Number("high_freq_factor");
                int original = scaling.Value.Integer("original_max_position_embeddings");
                llama3 = () => new()
                {
                    Factor = factor, LowFrequencyFactor = low, HighFrequencyFactor = high, OriginalContextLength = original,
                };
                break;
            default:
                throw new InvalidDataException(
                    $"'{path}' scales rotary positions as '{kind}'; supported are 'default', 'linear' and 'llama3'.");
        }

        return () => new()
        {
            Base = theta,
            SlidingBase = isGemma && hasWindow && local != theta ? local : null,
            LinearFactor = kind == "linear" ? factor : 1,
            Llama3 = llama3?.Invoke(),
        };
    }

    private static InvalidDataException Unsupported(string path, string name, JsonElement root) =>
        new($"'{path}' sets {name} to {root.GetProperty(name).GetRawText()}, which is not supported.");

    // Without the digits that a square root adds.
    private static double Rounded(double number) => Math.Round(number, 6);

    /// <summary>What applies to a family if config.json does not say; 0 for what depends on another property.</summary>
    private sealed record Defaults(
        GptFamily Family, int Width, int Inner, int Layers, int Heads, int KeyHeads, int HeadSize, int Context, int Vocabulary, double Base,
        string Activation, bool IsTied)
    {
        /// <summary>The cap of attention's scores; <see langword="null"/> if there is none.</summary>
        public double? AttentionCap { get; init; }

        /// <summary>The cap of the logits; <see langword="null"/> if there is none.</summary>
        public double? LogitCap { get; init; }
    }
}
