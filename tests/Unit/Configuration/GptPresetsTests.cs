
namespace MLNet.Gpt.Tests.Configuration;

public class GptPresetsTests
{
    [Theory] // Radford et al. (2019), table 2, with the counts of the released weights.
    [InlineData("gpt2", 124_439_808)]
    [InlineData("gpt2-medium", 354_823_168)]
    [InlineData("gpt2-large", 774_030_080)]
    [InlineData("gpt2-xl", 1_557_611_200)]
    [InlineData("lecture", 162_419_712)]
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

    [Fact]
    public void Names_are_case_insensitive() => Assert.Same(GptPresets.Gpt2ExtraLarge, GptPresets.Named("GPT2-XL"));

    [Fact]
    public void Every_preset_is_valid() => Assert.All(GptPresets.All.Values, config => Assert.Same(config, config.Validated()));

    [Fact]
    public void An_unknown_name_is_an_error_that_lists_the_names()
    {
        var exception = Assert.Throws<ArgumentException>(() => GptPresets.Named("gpt3"));
        Assert.Contains("'gpt3'", exception.Message);
        Assert.Contains("gpt2, gpt2-large, gpt2-medium, gpt2-xl, lecture, tiny", exception.Message);
    }
}
