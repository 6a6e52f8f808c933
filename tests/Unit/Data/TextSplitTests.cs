
using MLNet.Gpt.Data;

namespace MLNet.Gpt.Tests.Data;

public class TextSplitTests
{
    [Theory]
    [InlineData("0123456789", 0.9, "012345678", "9")]
    [InlineData("0123456789", 0.55, "01234", "56789")]
    [InlineData("ab", 0.5, "a", "b")]
    public void A_text_is_split_at_a_fraction_of_its_characters(string text, double fraction, string training, string validation) =>
        Assert.Equal(new TextSplit(training, validation), TextSplit.AtFraction(text, fraction));

    [Fact]
    public void A_split_never_halves_a_character() => Assert.Equal(new TextSplit("a", "😀b"), TextSplit.AtFraction("a😀b", 0.5));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(-0.1)]
    [InlineData(double.NaN)]
    public void A_fraction_out_of_range_is_an_error(double fraction) =>
        Assert.Contains(
            "above 0 and below 1", Assert.Throws<ArgumentOutOfRangeException>(() => TextSplit.AtFraction("abc", fraction)).Message);

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    public void A_text_too_short_to_split_is_an_error(string text) =>
        Assert.Contains(
            $"A text of {text.Length} character{(text.Length == 1 ? "" : "s")} leaves",
            Assert.Throws<ArgumentException>(() => TextSplit.AtFraction(text, 0.9)).Message);
}
