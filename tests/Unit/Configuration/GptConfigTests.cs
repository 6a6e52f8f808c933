using MLNet.Gpt.Configuration;

namespace MLNet.Gpt.Tests.Configuration;

public class GptConfigTests
{
    [Theory] // Radford et al. (2019), table 2, with the counts of the released weights.
    [InlineData("gpt2", 124_439_808)]
    [InlineData("gpt2-medium", 354_823_168)]
    [InlineData("gpt2-large", 774_030_080)]
    [InlineData("gpt2-xl", 1_557_611_200)]
    [InlineData("lecture", 162_419_712)]
    public void A_preset_has_the_published_number_of_parameters(string name, long count)
    {
        Assert.Equal(count, GptPresets.Named(name).ParameterCount);
    }
}
