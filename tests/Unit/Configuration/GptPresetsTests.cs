
namespace MLNet.Gpt.Tests.Configuration;

public class GptPresetsTests
{
    [Theory] // Radford et al. (2019), table 2, and the model cards, with the counts of the released weights.
    [InlineData("gpt2", 124_439_808)]
    [InlineData("gpt2-medium", 354_823_168)]
    [InlineData("gpt2-large", 774_030_080)]
    [InlineData("gpt2-xl", 1_557_611_200)]
    [InlineData("lecture", 162_419_712)]
    [InlineData("smollm2-135m", 134_515_008)]
    [InlineData("llama3.2-1b", 1_235_814_400)]
    [InlineData("mistral-7b", 7_241_732_096)]
    [InlineData("qwen2.5-0.5b", 494_032_768)]
    [InlineData("qwen3-0.6b", 596_049_920)]
    [InlineData("gemma2-2b", 2_614_341_888)]
    [InlineData("gemma3-270m", 268_098_176)]
    public void A_preset_has_the_published_number_of_parameters(string name, long count) =>
        Assert.Equal(count, GptPresets.Named(name).ParameterCount);

    [Theory] // Radford et al. (2019), table 2.
    [InlineData("gpt2", 12, 768, 12)]
    [InlineData("gpt2-medium", 24, 1024, 16)]
    [InlineData("gpt2-large", 36, 1280, 20)]
    [InlineData("gpt2-xl", 48, 1600, 25)]
    public void A_preset_has_the_published_sizes(string name, int layers, int width, int heads)
    {
        var config = GptPresets.Named(name);
        Assert.Equal((layers, width, heads, 64), (config.LayerCount, config.EmbeddingWidth, config.HeadCount, config.HeadSize));
        Assert.Equal((50257, 1024), (config.VocabularySize, config.ContextLength));
    }

    [Fact]
    public void The_lectures_preset_is_the_lectures_dictionary()
    {
        var config = GptPresets.Named("lecture");
        Assert.Equal(
            new GptConfig
            {
                VocabularySize = 50257,
                ContextLength = 256,
                EmbeddingWidth = 768,
                HeadCount = 12,
                LayerCount = 12,
                DropoutRate = 0.1,
                HasQkvBias = false,
                HasTiedHead = false,
            },
            config);
    }

    [Theory]
    [InlineData("gpt2", "gpt2")]
    [InlineData("lecture", "gpt2")]
    [InlineData("smollm2-135m", "llama")]
    [InlineData("llama3.2-1b", "llama")]
    [InlineData("mistral-7b", "mistral")]
    [InlineData("qwen2.5-0.5b", "qwen2")]
    [InlineData("qwen3-0.6b", "qwen3")]
    [InlineData("gemma2-2b", "gemma2")]
    [InlineData("gemma3-270m", "gemma3_text")]
    public void A_preset_is_of_the_family(string name, string architecture) =>
        Assert.Equal(architecture, GptPresets.Named(name).Architecture);

    [Fact]
    public void Parts_that_no_family_has_together_have_no_name() =>
        Assert.Null((GptPresets.TinyLlama with { Normalization = Normalization.LayerNorm }).Architecture);

    [Fact]
    public void Names_are_case_insensitive() => Assert.Same(GptPresets.Gpt2ExtraLarge, GptPresets.Named("GPT2-XL"));

    [Fact]
    public void Every_preset_is_valid() => Assert.All(GptPresets.All.Values, config => Assert.Same(config, config.Validated()));

    [Fact]
    public void An_unknown_name_is_an_error_that_lists_the_names()
    {
        var exception = Assert.Throws<ArgumentException>(() => GptPresets.Named("gpt3"));
        Assert.Contains("'gpt3'", exception.Message);
        Assert.Contains("gemma2-2b, gemma3-270m, gpt2, gpt2-large, gpt2-medium, gpt2-xl, lecture, llama3.2-1b", exception.Message);
    }
}
