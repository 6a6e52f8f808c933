namespace MLNet.Gpt.Tests.Decoders;

/// <summary>One small decoder of each family (0.5 to 3 million parameters), and others that differ in one part.</summary>
internal static class DecoderFamilies
{
    private static readonly DecoderDescription Llama = new() { ModelType = "llama", NormEpsilon = 1e-5 };

    private static readonly DecoderDescription Qwen3 = new()
    {
        ModelType = "qwen3", HeadCount = 4, KeyValueHeadCount = 2, HeadSize = 128, RotaryBase = 1_000_000, HasQueryKeyNorm = true,
        HasTiedHead = true,
    };

    private static readonly DecoderDescription Gemma3 = new()
    {
        ModelType = "gemma3_text", LayerCount = 7, HeadCount = 4, KeyValueHeadCount = 1, HeadSize = 128, RotaryBase = 1_000_000,
        LocalRotaryBase = 10_000, Window = 20, GlobalEvery = 6, HasQueryKeyNorm = true, HasTiedHead = true,
    };

    private static readonly DecoderDescription Gemma2 = new()
    {
        ModelType = "gemma2", LayerCount = 4, HeadCount = 4, KeyValueHeadCount = 2, HeadSize = 128, Window = 20, GlobalEvery = 2,
        AttentionCap = 1.5, LogitCap = 2.5, HasTiedHead = true,
    };

    private static readonly Dictionary<string, DecoderDescription> All = new()
    {
        ["llama"] = Llama,
        ["llama-one-key-head"] = Llama with { KeyValueHeadCount = 1, HasTiedHead = true },
        ["llama-all-heads"] = Llama with { KeyValueHeadCount = 8 },
        ["llama-biases"] = Llama with { HasQueryKeyValueBias = true, HasOutputBias = true, HasFeedForwardBias = true },
        ["llama-attention-biases"] = Llama with { HasQueryKeyValueBias = true, HasOutputBias = true },
        ["llama-feed-forward-biases"] = Llama with { HasFeedForwardBias = true, HasTiedHead = true },
        ["llama-linear"] = Llama with { LinearFactor = 4 },
        ["llama-head-size"] = Llama with { HeadSize = 48 },
        ["llama3"] = Llama with { HeadCount = 4, HeadSize = 64, RotaryBase = 500_000, Llama3 = (8, 1, 4, 8192) },
        ["llama3-short"] = Llama with
        {
            HeadCount = 4, HeadSize = 64, RotaryBase = 500_000, Llama3 = (32, 2, 5, 32), HasTiedHead = true,
        },
        ["mistral"] = Llama with { ModelType = "mistral", Window = 24 },
        ["mistral-no-window"] = Llama with { ModelType = "mistral", HeadSize = 64, RotaryBase = 1_000_000 },
        ["qwen2"] = Llama with
        {
            ModelType = "qwen2", NormEpsilon = 1e-6, RotaryBase = 1_000_000, HasQueryKeyValueBias = true, HasTiedHead = true,
        },
        ["qwen2-window"] = Llama with
        {
            ModelType = "qwen2", NormEpsilon = 1e-6, HasQueryKeyValueBias = true, Window = 17,
        },
        ["qwen2-late-window"] = Llama with
        {
            ModelType = "qwen2", NormEpsilon = 1e-6, HasQueryKeyValueBias = true, Window = 11, FirstLocalLayer = 2,
        },
        ["qwen3"] = Qwen3,
        ["qwen3-alternating"] = Qwen3 with { LayerCount = 5, Window = 17, FirstLocalLayer = 1, GlobalEvery = 3 },
        ["qwen3-own-head"] = Qwen3 with { HasTiedHead = false, KeyValueHeadCount = 4 },
        ["qwen3-biases"] = Qwen3 with { HasQueryKeyValueBias = true, HasOutputBias = true },
        ["gemma2"] = Gemma2,
        ["gemma2-biases"] = Gemma2 with
        {
            HasQueryKeyValueBias = true, HasOutputBias = true, QueryScalar = 96, HasTiedHead = false, LogitCap = null,
        },
        ["gemma3"] = Gemma3,
        ["gemma3-caps"] = Gemma3 with { AttentionCap = 2, LogitCap = 2 },
        ["gemma3-logit-cap"] = Gemma3 with { LogitCap = 3 },
        ["gemma3-linear"] = Gemma3 with { LinearFactor = 8 },
        ["gemma3-every-third"] = Gemma3 with { LayerCount = 4, GlobalEvery = 3, LocalRotaryBase = 20_000 },
        ["gemma3-scalar"] = Gemma3 with { QueryScalar = 168 },
        ["nanogpt"] = new() { ModelType = "nanogpt", NormEpsilon = 1e-5, KeyValueHeadCount = 8, HasTiedHead = true },
    };

    /// <summary>All names.</summary>
    public static TheoryData<string> Names => [.. All.Keys];

    /// <summary>The names of those that the library reads from Hugging Face's folders.</summary>
    public static TheoryData<string> HuggingFaceNames =>
    [
        .. All.Where(each => each.Value is { IsNanoGpt: false }).Select(each => each.Key),
    ];

    /// <summary>The names of those that llama.cpp runs as they are.</summary>
    public static TheoryData<string> LlamaCppNames => [.. All.Where(each => GgufFile.CanRepresent(each.Value)).Select(each => each.Key)];

    /// <summary>The names of those that the library reads from GGUF files.</summary>
    public static TheoryData<string> GgufNames =>
    [
        .. All.Where(each => GgufFile.CanRepresent(each.Value))
            .Select(each => each.Key).Except(["llama3-short", "gemma3-every-third"]),
    ];

    public static DecoderDescription Named(string name) => All[name];
}
