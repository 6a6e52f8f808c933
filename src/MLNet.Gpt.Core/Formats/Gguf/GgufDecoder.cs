using System.Globalization;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.Formats.Layouts;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.Gguf;

/// <summary>
/// The metadata of the architectures gpt2, llama (also Mistral's), qwen2, qwen3, gemma2 and gemma3. Settings that this library, or
/// llama.cpp itself, does not support are an error that names them. Source: llama.cpp's <c>llama-arch.cpp</c>,
/// <c>llama-model.cpp</c> and <c>convert_hf_to_gguf.py</c>.
/// </summary>
internal static class GgufDecoder
{
    // What llama.cpp assumes if a file does not say, and the layers of the models with 27 billion weights, whose scale differs.
    private const int Gemma2Interval = 2, Gemma3Interval = 6;
    private const int Gemma2Window = 4096;
    private const double Gemma2AttentionCap = 50, Gemma2LogitCap = 30;
    private const int LayersOfGemma2With27B = 46, LayersOfGemma3With27B = 62;

    /// <summary>The architectures that can be read.</summary>
    public static IReadOnlyList<string> Architectures { get; } = ["gpt2", "llama", "qwen2", "qwen3", "gemma2", "gemma3"];

    /// <summary>Returns the names of an architecture's tensors.</summary>
    public static TensorTable NamesOf(string architecture) => architecture switch
    {
        "gpt2" => GgufNames.Gpt2,
        "llama" => GgufNames.Llama,
        _ => GgufNames.Others,
    };

    /// <summary>Returns the architecture of a decoder for which there is no obstacle.</summary>
    public static string ArchitectureOf(GptConfig config) => config.Family switch
    {
        GptFamily.Mistral => "llama",
        GptFamily.Gemma3 => "gemma3",
        var family => config.Architecture ?? throw new InvalidOperationException($"llama.cpp has no architecture for {family}."),
    };

    /// <summary>
    /// Returns what llama.cpp would compute differently, as a clause; <see langword="null"/> if it has an architecture with the same
    /// parts.
    /// </summary>
    public static string? ObstacleOf(GptConfig config)
    {
        if (config.ScoreCount is not null) return "it computes scores, not tokens";
        if (config.Family is not { } family) return "llama.cpp has no architecture with its parts together";
        bool isLlama = family is GptFamily.Llama or GptFamily.Mistral, isGpt2 = family == GptFamily.Gpt2;
        bool isGemma2 = family == GptFamily.Gemma2, isGemma3 = family == GptFamily.Gemma3, isGemma = isGemma2 || isGemma3;
        var scaling = config.Rotary?.Llama3;
        (bool Exists, string Clause)[] differences =
        [
            (isGpt2 && config.FeedForward != FeedForwardKind.Gelu, $"llama.cpp computes GELU in its tanh form, not {config.FeedForward}"),
            (!isGemma && config.SlidingWindow < config.ContextLength, $"llama.cpp ignores {nameof(config.SlidingWindow)} in this family"),
            (!isLlama && scaling is not null, "llama.cpp scales rotary positions as Llama 3 only in the architecture llama"),
            (scaling is not null && scaling != new Llama3Scaling { Factor = scaling.Factor },
                "GGUF has only the factors of Llama 3's scaling, which must have its usual parameters"),
            (!isGpt2 && !isLlama && config.HasBias,
                $"llama.cpp ignores the bias of attention's output ({nameof(config.HasBias)}) in this family"),
            (family == GptFamily.Qwen2 && config.QueryWidth != config.EmbeddingWidth,
                $"llama.cpp derives {nameof(config.HeadSize)} from {nameof(config.EmbeddingWidth)} in this family"),
            (isGemma && config.FirstSlidingLayer != 0, $"llama.cpp has no {nameof(config.FirstSlidingLayer)}"),
            (isGemma && !HasUsualScale(config), $"llama.cpp derives {nameof(config.AttentionScale)} from {nameof(config.HeadSize)}"),
            (isGemma3 && config.AttentionSoftCap is not null, $"llama.cpp ignores {nameof(config.AttentionSoftCap)} in this family"),
            (isGemma3 && !HasUsualBases(config), "llama.cpp has the base 10000 in layers with a sliding window"),
            (isGemma2 && (config.AttentionSoftCap is null || config.LogitSoftCap is null),
                "llama.cpp caps scores and logits in this family"),
            (isGemma2 && !config.HasTiedHead, "llama.cpp ties the head to the token embedding in this family"),
            (isGemma2 && config is not { SlidingWindow: not null, GlobalLayerInterval: Gemma2Interval },
                "llama.cpp has a sliding window in every second layer in this family"),
        ];
        return Array.Find(differences, each => each.Exists).Clause;
    }

    /// <summary>Reads the configuration.</summary>
    /// <param name="path">For messages.</param>
    /// <param name="file">The metadata.</param>
    /// <param name="architecture">One of <see cref="Architectures"/>.</param>
    /// <param name="tensors">The tensors by their names.</param>
    /// <exception cref="InvalidDataException">Something is missing or not supported.</exception>
    public static GptConfig Read(string path, GgufReader file, string architecture, IReadOnlyDictionary<string, FileTensor> tensors)
    {
        var table = NamesOf(architecture);
        if (!tensors.TryGetValue(table.NameOf(TensorRole.TokenEmbedding), out var embedding) || embedding.Shape.Count != 2)
        {
            throw new InvalidDataException($"'{path}' lacks the matrix '{table.NameOf(TensorRole.TokenEmbedding)}'.");
        }

        string Key(string name) => $"{architecture}.{name}";
        int? Integer(string name) => file.OptionalInteger(Key(name));
        double? Number(string name) => file.Optional<double?>(Key(name));
        InvalidDataException Unsupported(string name, object value) => new(
            string.Create(CultureInfo.InvariantCulture, $"'{path}' sets {Key(name)} to {value}, which is not supported."));

        int width = file.Integer(Key("embedding_length")), heads = file.Integer(Key("attention.head_count"));
        int context = file.Integer(Key("context_length")), layers = file.Integer(Key("block_count"));
        int keyHeads = Integer("attention.head_count_kv") ?? heads;
        int headSize = Integer("attention.key_length") ?? width / Math.Max(1, heads);
        bool isTied = !tensors.ContainsKey(table.NameOf(TensorRole.Head)), isGpt2 = architecture == "gpt2";
        bool Has(TensorRole role) => tensors.ContainsKey(table.NameOf(role));
        bool hasQkvBias = tensors.ContainsKey(table.QueryBiasNameOf(0));
        if (isGpt2 && keyHeads != heads)
        {
            throw new InvalidDataException(
                $"'{path}' specifies {heads} heads and {keyHeads} key heads; GPT-2 has the same number of both.");
        }

        var config = new GptConfig { HasQkvBias = hasQkvBias, HasTiedHead = isTied };
        int? inner = isGpt2 ? Integer("feed_forward_length") : file.Integer(Key("feed_forward_length"));
        string? scaling = file.Optional<string>(Key("rope.scaling.type"));
        double epsilon = Number(isGpt2 ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon")
            ?? (isGpt2 ? 1e-5
                : throw new InvalidDataException($"'{path}' lacks the metadata '{Key("attention.layer_norm_rms_epsilon")}'."));
        if (!isGpt2)
        {
            if (Integer("attention.value_length") is { } valueSize && valueSize != headSize)
            {
                throw Unsupported("attention.value_length", valueSize);
            }

            if (Integer("rope.dimension_count") is { } rotated && rotated != headSize) throw Unsupported("rope.dimension_count", rotated);
            if (Integer("expert_count") is > 0 and var experts) throw Unsupported("expert_count", experts);
            foreach (string softcap in (string[])["attn_logit_softcapping", "final_logit_softcapping"])
            {
                bool isKnown = architecture == "gemma2" || (architecture == "gemma3" && softcap.StartsWith('f'));
                if (!isKnown && Number(softcap) is > 0 and var cap) throw Unsupported(softcap, cap);
            }

            if (architecture == "gemma2" && Number("rope.freq_base_swa") is { } local && local != (Number("rope.freq_base") ?? 10000))
            {
                throw Unsupported("rope.freq_base_swa", local);
            }

            if (Number("rope.scaling.attn_factor") is { } attention and not 1) throw Unsupported("rope.scaling.attn_factor", attention);
            if (scaling is not (null or "none" or "linear")) throw Unsupported("rope.scaling.type", scaling);
        }

        return Configurations.Validated(path, () =>
        {
            config = config with
            {
                VocabularySize = checked((int)embedding.Shape[0]), ContextLength = context, EmbeddingWidth = width, HeadCount = heads,
                LayerCount = layers, NormEpsilon = (float)epsilon,
            };
            if (inner is { } innerWidth) config = config with { FeedForwardWidth = innerWidth };
            if (isGpt2) return config;
            double frequencyBase = Number("rope.freq_base") ?? 10000;
            config = config with
            {
                KeyValueHeadCount = keyHeads, HeadSize = headSize, DropoutRate = 0, FeedForward = FeedForwardKind.SwiGlu,

                // In the others, llama.cpp does not use these.
                HasBias = architecture == "llama" && Has(TensorRole.AttentionOutputBias),
                HasFeedForwardBias = architecture == "llama" && Has(TensorRole.FeedForwardInBias),
                Normalization = Normalization.RmsNorm, HasQueryKeyNorm = Has(TensorRole.QueryNormScale),
                Rotary = new()
                {
                    Base = frequencyBase,
                    LinearFactor = scaling == "none" ? 1 : Number("rope.scaling.factor") ?? Number("rope.scale_linear") ?? 1,
                    Llama3 = tensors.TryGetValue(GgufNames.FrequencyFactors, out var factors) && architecture == "llama"
                        ? ScalingOf(path, factors, headSize, frequencyBase)
                        : null,
                },
            };
            if (architecture is not ("gemma2" or "gemma3")) return config;
            config = config with
            {
                FeedForward = FeedForwardKind.GeGlu, HasPostNorms = true, HasScaledEmbedding = true,
                AttentionScale = GemmaScaleOf(config, architecture),
            };
            if (architecture == "gemma2")
            {
                return config with
                {
                    SlidingWindow = Integer("attention.sliding_window") ?? Gemma2Window,
                    GlobalLayerInterval = Integer("attention.sliding_window_pattern") ?? Gemma2Interval,
                    AttentionSoftCap = Number("attn_logit_softcapping") ?? Gemma2AttentionCap,
                    LogitSoftCap = Number("final_logit_softcapping") ?? Gemma2LogitCap,
                };
            }

            int? window = Integer("attention.sliding_window") is > 0 and var positions ? positions : null;
            return config with
            {
                SlidingWindow = window,
                GlobalLayerInterval = window is null ? 0 : Integer("attention.sliding_window_pattern") ?? Gemma3Interval,
                LogitSoftCap = Number("final_logit_softcapping") is > 0 and var cap ? cap : null,
                Rotary = config.Rotary! with { SlidingBase = window is null ? null : Number("rope.freq_base_swa") ?? 10000 },
            };
        });
    }

    /// <summary>Writes the metadata of a configuration.</summary>
    public static void Write(GgufHeaderWriter header, GptConfig config, string architecture)
    {
        void Add(string name, int value) => header.Add($"{architecture}.{name}", (uint)value);
        void AddNumber(string name, double value) => header.Add($"{architecture}.{name}", (float)value);
        bool isGpt2 = architecture == "gpt2";
        Add("block_count", config.LayerCount);
        Add("context_length", config.ContextLength);
        Add("embedding_length", config.EmbeddingWidth);
        Add("feed_forward_length", config.FeedForwardWidth);
        Add("attention.head_count", config.HeadCount);
        AddNumber(isGpt2 ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon", config.NormEpsilon);
        if (config.Rotary is not { } rotary) return;
        Add("attention.head_count_kv", config.KeyValueHeadCount);
        Add("attention.key_length", config.HeadSize);
        Add("attention.value_length", config.HeadSize);
        if (architecture == "llama") Add("rope.dimension_count", config.HeadSize);
        AddNumber("rope.freq_base", rotary.Base);
        if (rotary.LinearFactor != 1)
        {
            header.Add($"{architecture}.rope.scaling.type", "linear");
            AddNumber("rope.scaling.factor", rotary.LinearFactor);
        }

        if (config.AttentionSoftCap is { } scoreCap) AddNumber("attn_logit_softcapping", scoreCap);
        if (config.LogitSoftCap is { } logitCap) AddNumber("final_logit_softcapping", logitCap);
        if (architecture is not ("gemma2" or "gemma3") || config.SlidingWindow is not { } window) return;
        Add("attention.sliding_window", window);
        if (architecture == "gemma2") return; // every second layer has none
        AddNumber("rope.freq_base_swa", rotary.SlidingBase ?? rotary.Base);
        Add("attention.sliding_window_pattern", config.GlobalLayerInterval);
    }

    /// <summary>Returns the tensor with which llama.cpp scales Llama 3's frequencies; <see langword="null"/> for other decoders.</summary>
    public static ExportTensor? FrequencyFactors(GptConfig config)
    {
        if (config.Rotary?.Llama3 is not { } scaling) return null;
        float[] factors = FactorsOf(scaling, config.HeadSize, config.Rotary.Base);
        return new(
            GgufNames.FrequencyFactors, [factors.Length],
            (start, destination) => factors.AsSpan((int)start, destination.Length).CopyTo(destination));
    }

    // llama.cpp knows one base of layers with a sliding window.
    private static bool HasUsualBases(GptConfig config) => config.SlidingWindow is null
        ? config.Rotary!.SlidingBase is null
        : (config.Rotary!.SlidingBase ?? config.Rotary.Base) == 10000;

    private static bool HasUsualScale(GptConfig config) =>
        Math.Abs((config.AttentionScale / GemmaScaleOf(config, ArchitectureOf(config))) - 1) < 1e-6;

    private static double GemmaScaleOf(GptConfig config, string architecture)
    {
        bool is27B = config.LayerCount == (architecture == "gemma2" ? LayersOfGemma2With27B : LayersOfGemma3With27B);
        return 1 / Math.Sqrt(is27B ? config.EmbeddingWidth / config.HeadCount : config.HeadSize);
    }

    private static float[] FactorsOf(Llama3Scaling scaling, int headSize, double frequencyBase) => [
        .. Enumerable.Range(0, headSize / 2).Select(i =>
        {
            double frequency = Math.Pow(frequencyBase, -2.0 * i / headSize);
            return (float)(frequency / scaling.Scale(frequency));
        })
    ];

    // The file has only the factors. All released models have the same other parameters, which is checked.
    private static Llama3Scaling ScalingOf(string path, FileTensor tensor, int headSize, double frequencyBase)
    {
        if (tensor.Elements is null || !tensor.Shape.SequenceEqual([headSize / 2]))
        {
            throw new InvalidDataException($"'{path}' contains {tensor}; its configuration requires the shape ({headSize / 2}).");
        }

        float[] factors = new float[headSize / 2];
        tensor.Elements.Read(0, factors);
        var scaling = new Llama3Scaling { Factor = factors.Max() };
        float[] expected = FactorsOf(scaling, headSize, frequencyBase);
        for (int i = 0; i < factors.Length; i++)
        {
            if (!(Math.Abs((factors[i] / expected[i]) - 1) <= 1e-4))
            {
                throw new InvalidDataException(
                    $"'{path}' scales rotary positions by '{GgufNames.FrequencyFactors}' in another way than Llama 3, which is not "
                    + "supported.");
            }
        }

        return scaling;
    }
}
