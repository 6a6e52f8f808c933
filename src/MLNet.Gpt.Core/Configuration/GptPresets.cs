using System.Collections.Frozen;

namespace MLNet.Gpt;

/// <summary>
/// The named configurations: GPT-2's four published sizes, the lecture's model, the smallest decoder of other families, and
/// tiny ones for tests.
/// </summary>
/// <remarks>
/// Sizes of GPT-2: Radford et al. (2019), table 2, with the parameter counts of the released weights. Those of the others are
/// from the <c>config.json</c> of their releases.
/// </remarks>
public static class GptPresets
{
    // What Llama and the families after it have in common.
    private static readonly GptConfig Llama = new()
    {
        DropoutRate = 0, HasQkvBias = false, HasBias = false, HasTiedHead = false, Normalization = Normalization.RmsNorm,
        FeedForward = FeedForwardKind.SwiGlu, Rotary = new(),
    };

    /// <summary>GPT-2 small: 12 layers, width 768, 12 heads, context 1024; 124M parameters.</summary>
    public static GptConfig Gpt2Small { get; } = new();

    /// <summary>GPT-2 medium: 24 layers, width 1024, 16 heads, context 1024; 355M parameters.</summary>
    public static GptConfig Gpt2Medium { get; } = new() { LayerCount = 24, EmbeddingWidth = 1024, HeadCount = 16 };

    /// <summary>GPT-2 large: 36 layers, width 1280, 20 heads, context 1024; 774M parameters.</summary>
    public static GptConfig Gpt2Large { get; } = new() { LayerCount = 36, EmbeddingWidth = 1280, HeadCount = 20 };

    /// <summary>GPT-2 XL: 48 layers, width 1600, 25 heads, context 1024; 1558M parameters.</summary>
    public static GptConfig Gpt2ExtraLarge { get; } = new() { LayerCount = 48, EmbeddingWidth = 1600, HeadCount = 25 };

    /// <summary>
    /// The lecture's model: GPT-2 small with context 256, no query-key-value bias, and an untied head (so it has 163M
    /// parameters; the lecture calls it by the 124M of the tied model).
    /// </summary>
    public static GptConfig Lecture { get; } = new() { ContextLength = 256, HasQkvBias = false, HasTiedHead = false };

    /// <summary>A model for tests: 2 layers, width 32, 4 heads, context 16, vocabulary 61, no dropout.</summary>
    public static GptConfig Tiny { get; } = new()
    {
        VocabularySize = 61, ContextLength = 16, EmbeddingWidth = 32, HeadCount = 4, LayerCount = 2, DropoutRate = 0,
    };

    /// <summary>SmolLM2: 30 layers, width 576, 9 heads on 3, context 8192; 135M parameters. A Llama.</summary>
    public static GptConfig SmolLm2 { get; } = Llama with
    {
        VocabularySize = 49152, ContextLength = 8192, EmbeddingWidth = 576, HeadCount = 9, KeyValueHeadCount = 3, LayerCount = 30,
        FeedForwardWidth = 1536, HasTiedHead = true, Rotary = new() { Base = 100_000 },
    };

    /// <summary>Llama 3.2: 16 layers, width 2048, 32 heads on 8, context 131072; 1236M parameters.</summary>
    public static GptConfig Llama32 { get; } = Llama with
    {
        VocabularySize = 128256, ContextLength = 131072, EmbeddingWidth = 2048, HeadCount = 32, KeyValueHeadCount = 8, LayerCount = 16,
        HasTiedHead = true, Rotary = new() { Base = 500_000, Llama3 = new() { Factor = 32 } },
    };

    /// <summary>Mistral 0.1: 32 layers, width 4096, 32 heads on 8, context 32768, window 4096; 7242M parameters.</summary>
    public static GptConfig Mistral { get; } = Llama with
    {
        VocabularySize = 32000, ContextLength = 32768, EmbeddingWidth = 4096, HeadCount = 32, KeyValueHeadCount = 8, LayerCount = 32,
        FeedForwardWidth = 14336, SlidingWindow = 4096,
    };

    /// <summary>Qwen 2.5: 24 layers, width 896, 14 heads on 2, context 32768; 494M parameters.</summary>
    public static GptConfig Qwen25 { get; } = Llama with
    {
        VocabularySize = 151936, ContextLength = 32768, EmbeddingWidth = 896, HeadCount = 14, KeyValueHeadCount = 2, LayerCount = 24,
        FeedForwardWidth = 4864, HasTiedHead = true, HasQkvBias = true, NormEpsilon = 1e-6f, Rotary = new() { Base = 1_000_000 },
    };

    /// <summary>Qwen 3: 28 layers, width 1024, 16 heads on 8, context 40960; 596M parameters.</summary>
    public static GptConfig Qwen3 { get; } = Llama with
    {
        VocabularySize = 151936, ContextLength = 40960, EmbeddingWidth = 1024, HeadCount = 16, KeyValueHeadCount = 8, HeadSize = 128,
        LayerCount = 28, FeedForwardWidth = 3072, HasTiedHead = true, HasQueryKeyNorm = true, NormEpsilon = 1e-6f,
        Rotary = new() { Base = 1_000_000 },
    };

    /// <summary>Gemma 2: 26 layers, width 2304, 8 heads on 4, context 8192, window 4096; 2614M parameters.</summary>
    public static GptConfig Gemma2 { get; } = Llama with
    {
        VocabularySize = 256000, ContextLength = 8192, EmbeddingWidth = 2304, HeadCount = 8, KeyValueHeadCount = 4, HeadSize = 256,
        LayerCount = 26, HasTiedHead = true, HasPostNorms = true, NormEpsilon = 1e-6f, FeedForward = FeedForwardKind.GeGlu,
        HasScaledEmbedding = true, SlidingWindow = 4096, GlobalLayerInterval = 2, AttentionSoftCap = 50, LogitSoftCap = 30,
    };

    /// <summary>Gemma 3: 18 layers, width 640, 4 heads on 1, context 32768, window 512; 268M parameters.</summary>
    public static GptConfig Gemma3 { get; } = Llama with
    {
        VocabularySize = 262144, ContextLength = 32768, EmbeddingWidth = 640, HeadCount = 4, KeyValueHeadCount = 1, HeadSize = 256,
        LayerCount = 18, FeedForwardWidth = 2048, HasTiedHead = true, HasQueryKeyNorm = true, HasPostNorms = true, NormEpsilon = 1e-6f,
        FeedForward = FeedForwardKind.GeGlu, HasScaledEmbedding = true, SlidingWindow = 512, GlobalLayerInterval = 6,
        Rotary = new() { Base = 1_000_000, SlidingBase = 10_000 },
    };

    /// <summary>A Llama for tests, with the sizes of <see cref="Tiny"/> and 2 heads of keys and values.</summary>
    public static GptConfig TinyLlama { get; } = Llama with
    {
        VocabularySize = 61, ContextLength = 16, EmbeddingWidth = 32, HeadCount = 4, KeyValueHeadCount = 2, LayerCount = 2,
        FeedForwardWidth = 88,
    };

    /// <summary>
    /// All presets by name: gpt2, gpt2-medium, gpt2-large, gpt2-xl, lecture, smollm2-135m, llama3.2-1b, mistral-7b,
    /// qwen2.5-0.5b, qwen3-0.6b, gemma2-2b, gemma3-270m, tiny, tiny-llama. Names are case-insensitive.
    /// </summary>
    public static IReadOnlyDictionary<string, GptConfig> All { get; } = new Dictionary<string, GptConfig>
    {
        ["gpt2"] = Gpt2Small,
        ["gpt2-medium"] = Gpt2Medium,
        ["gpt2-large"] = Gpt2Large,
        ["gpt2-xl"] = Gpt2ExtraLarge,
        ["lecture"] = Lecture,
        ["smollm2-135m"] = SmolLm2,
        ["llama3.2-1b"] = Llama32,
        ["mistral-7b"] = Mistral,
        ["qwen2.5-0.5b"] = Qwen25,
        ["qwen3-0.6b"] = Qwen3,
        ["gemma2-2b"] = Gemma2,
        ["gemma3-270m"] = Gemma3,
        ["tiny"] = Tiny,
        ["tiny-llama"] = TinyLlama,
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    /// <summary>Returns the preset with a name.</summary>
    /// <exception cref="ArgumentException">No preset has that name; the message lists the presets.</exception>
    public static GptConfig Named(string name) => All.TryGetValue(name, out var config)
        ? config
        : throw new ArgumentException($"There is no preset '{name}'; the presets are {string.Join(", ", All.Keys.Order())}.", nameof(name));
}
