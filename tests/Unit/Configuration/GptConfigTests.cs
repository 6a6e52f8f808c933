
namespace MLNet.Gpt.Tests.Configuration;

public class GptConfigTests
{
    public static TheoryData<string, Func<int, GptConfig>> Sizes => new()
    {
        { nameof(GptConfig.VocabularySize), value => new() { VocabularySize = value } },
        { nameof(GptConfig.ContextLength), value => new() { ContextLength = value } },
        { nameof(GptConfig.EmbeddingWidth), value => new() { EmbeddingWidth = value } },
        { nameof(GptConfig.HeadCount), value => new() { HeadCount = value } },
        { nameof(GptConfig.LayerCount), value => new() { LayerCount = value } },
    };

    [Fact]
    public void The_default_is_the_smallest_GPT_2()
    {
        var config = new GptConfig();
        Assert.Equal(
            (50257, 1024, 768, 12, 12),
            (config.VocabularySize, config.ContextLength, config.EmbeddingWidth, config.HeadCount, config.LayerCount));
        Assert.Equal(0.1, config.DropoutRate);
        Assert.True(config.HasQkvBias);
        Assert.True(config.HasTiedHead);
        Assert.Equal(64, config.HeadSize);
        Assert.Equal(3072, config.FeedForwardWidth);
    }

    [Theory]
    [MemberData(nameof(Sizes), DisableDiscoveryEnumeration = true)]
    public void A_size_below_one_is_an_error_that_names_it_and_the_limit(string name, Func<int, GptConfig> make)
    {
        foreach (int value in new[] { 0, -3, int.MinValue })
        {
            var exception = Assert.Throws<ArgumentOutOfRangeException>(() => make(value));
            Assert.Equal(name, exception.ParamName);
            Assert.Contains($"{name} is {value}; it must be at least 1", exception.Message);
        }

        Assert.NotNull(make(1));
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1)]
    [InlineData(1.5)]
    [InlineData(double.NaN)]
    public void A_dropout_rate_out_of_range_is_an_error_that_names_it_and_the_limits(double rate)
    {
        var exception = Assert.Throws<ArgumentOutOfRangeException>(() => new GptConfig { DropoutRate = rate });
        Assert.Contains($"{nameof(GptConfig.DropoutRate)} is {rate}; it must be at least 0 and below 1", exception.Message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.999)]
    public void A_dropout_rate_in_range_is_accepted(double rate) => Assert.Equal(rate, new GptConfig { DropoutRate = rate }.DropoutRate);

    [Fact]
    public void A_layer_that_is_too_wide_is_an_error_that_names_its_outputs()
    {
        Assert.Contains("4800000000 outputs", Refused(new() { EmbeddingWidth = 1_200_000_000 }), StringComparison.Ordinal);
        Assert.Contains("36000000000 outputs", Refused(new() { HeadSize = 1_000_000_000 }), StringComparison.Ordinal);

        static string Refused(GptConfig config) => Assert.Throws<ArgumentException>(config.Validated).Message;
    }

    [Fact]
    public void A_width_that_is_not_divisible_by_the_heads_is_an_error_that_names_both()
    {
        var config = new GptConfig { EmbeddingWidth = 100, HeadCount = 12 };
        var exception = Assert.Throws<ArgumentException>(config.Validated);
        Assert.Contains("EmbeddingWidth 100 is not divisible by HeadCount 12", exception.Message);
    }

    [Fact]
    public void A_valid_config_is_returned_as_it_is()
    {
        var config = new GptConfig { EmbeddingWidth = 96, HeadCount = 12 };
        Assert.Same(config, config.Validated());
        Assert.Equal(8, config.HeadSize);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void The_number_of_parameters_is_that_of_the_weights(bool hasQkvBias, bool hasTiedHead)
    {
        var config = GptPresets.Tiny with { HasQkvBias = hasQkvBias, HasTiedHead = hasTiedHead };
        Assert.Equal(WeightNames.For(config).Sum(entry => entry.ElementCount), config.ParameterCount);
    }

    [Fact]
    public void A_changed_copy_leaves_the_original_unchanged()
    {
        var changed = GptPresets.Lecture with { ContextLength = 64 };
        Assert.Equal(256, GptPresets.Lecture.ContextLength);
        Assert.Equal(64, changed.ContextLength);
        Assert.Throws<ArgumentOutOfRangeException>(() => GptPresets.Lecture with { LayerCount = 0 });
    }
}
