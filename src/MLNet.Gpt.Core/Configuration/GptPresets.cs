using System.Collections.Frozen;

namespace MLNet.Gpt;

/// <summary>The named configurations: GPT-2's four published sizes, the lecture's model and a tiny one for tests.</summary>
/// <remarks>Sizes of GPT-2: Radford et al. (2019), table 2, with the parameter counts of the released weights.</remarks>
public static class GptPresets
{
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

    /// <summary>
    /// All presets by name: gpt2, gpt2-medium, gpt2-large, gpt2-xl, lecture, tiny. Names are case-insensitive.
    /// </summary>
    public static IReadOnlyDictionary<string, GptConfig> All { get; } = new Dictionary<string, GptConfig>
    {
        ["gpt2"] = Gpt2Small,
        ["gpt2-medium"] = Gpt2Medium,
        ["gpt2-large"] = Gpt2Large,
        ["gpt2-xl"] = Gpt2ExtraLarge,
        ["lecture"] = Lecture,
        ["tiny"] = Tiny,
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    /// <summary>Returns the preset with a name.</summary>
    /// <exception cref="ArgumentException">No preset has that name; the message lists the presets.</exception>
    public static GptConfig Named(string name) => All.TryGetValue(name, out var config)
        ? config
        : throw new ArgumentException($"There is no preset '{name}'; the presets are {string.Join(", ", All.Keys.Order())}.", nameof(name));
}
