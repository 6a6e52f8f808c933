using System.Globalization;

namespace MLNet.Gpt.Tests.Generation;

public class GenerationOptionsTests
{
    public static TheoryData<string, Func<GenerationOptions>> Refused => new()
    {
        { "MaxTokens is 0; it must be at least 1", () => new() { MaxTokens = 0 } },
        { "Temperature is -1; it must be from 1E-06 to 1000000, or 0 for greedy", () => new() { Temperature = -1 } },
        { "Temperature is NaN", () => new() { Temperature = double.NaN } },
        { "TopK is 0; it must be at least 1", () => new() { TopK = 0 } },
        { "TopP is 0; it must be above 0 and at most 1", () => new() { TopP = 0 } },
        { "TopP is 1.5; it must be above 0 and at most 1", () => new() { TopP = 1.5 } },
        { "MinP is -0.1; it must be from 0 to 1", () => new() { MinP = -0.1 } },
        { "RepetitionPenalty is 0; it must be above 0", () => new() { RepetitionPenalty = 0 } },
        { "FrequencyPenalty is Infinity; it must be from -100 to 100", () => new() { FrequencyPenalty = double.PositiveInfinity } },
        { "PresencePenalty is NaN", () => new() { PresencePenalty = double.NaN } },
        { "StopSequences[1] is empty", () => new() { StopSequences = ["a", ""] } },
        { "StopSequences[0] begins or ends with half a character", () => new() { StopSequences = ["\uDE00"] } },
        { "CandidateCount is -1; it must be at least 0", () => new() { CandidateCount = -1 } },
        { "BatchSize is 0; it must be at least 1", () => new() { BatchSize = 0 } },
        { "Overflow is 9; it must be one of Slide, KeepHalf, Stop", () => new() { Overflow = (ContextOverflow)9 } },
        { "RandomAlgorithm is -1; it must be one of Xoshiro256, PyTorch", () => new() { RandomAlgorithm = (RandomAlgorithm)(-1) } },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void A_setting_out_of_range_is_refused_with_its_value_and_limits(string message, Func<GenerationOptions> create)
    {
        var error = Assert.ThrowsAny<ArgumentException>(create);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Numbers_in_messages_do_not_follow_the_culture()
    {
        var culture = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("de-DE");
        try
        {
            var error = Assert.Throws<ArgumentOutOfRangeException>(() => new GenerationOptions { TopP = 1.5 });
            Assert.DoesNotContain("1,5", error.Message, StringComparison.Ordinal);
            error = Assert.Throws<ArgumentOutOfRangeException>(() => new GenerationOptions { Temperature = -0.5 });
            Assert.DoesNotContain("0,5", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    [Fact]
    public void The_stop_sequences_are_a_copy()
    {
        var list = new List<string> { "a" };
        var options = new GenerationOptions { StopSequences = list };
        list[0] = "";
        Assert.Equal(["a"], options.StopSequences);
    }
}
