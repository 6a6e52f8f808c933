using System.Text;
using System.Text.RegularExpressions;
using MLNet.Gpt.Evaluation.Metrics;

namespace MLNet.Gpt.Tests.Evaluation;

public class TextSizeTests
{
    // Word counts as printed by CPython 3.11: len(re.split(r"\s+", text)), the definition of lm-evaluation-harness.
    [Theory]
    [InlineData(" ", 2)]
    [InlineData("a", 1)]
    [InlineData(" a ", 3)]
    [InlineData("a b", 2)]
    [InlineData("a\u001cb", 2)]
    [InlineData("a\u0085b", 2)]
    [InlineData("a\u00a0b\u3000c", 3)]
    [InlineData("\ta\n\nb\r\nc ", 5)]
    [InlineData("a\u200bb", 1)]
    [InlineData("a\u180eb", 1)]
    [InlineData("a\u2028b\u202fc\u205fd\u1680e", 5)]
    public void Words_are_counted_as_Python_splits_them(string text, int words) => Assert.Equal(words, TextSize.CountWords(text));

    [Fact]
    public void An_empty_text_has_no_size() => Assert.Equal(default, TextSize.Of(""));

    [Theory]
    [InlineData("abc", 3, 3)]
    [InlineData("né", 3, 2)]
    [InlineData("👍🏽 ok", 11, 5)] // thumb and skin tone are two code points
    public void Bytes_and_characters_are_those_of_unicode(string text, int bytes, int characters)
    {
        var size = TextSize.Of(text);
        Assert.Equal(bytes, size.ByteCount);
        Assert.Equal(characters, size.CharacterCount);
        Assert.Equal(text.EnumerateRunes().Count(), size.CharacterCount);
        Assert.Equal(Encoding.UTF8.GetByteCount(text), size.ByteCount);
    }

    [Fact]
    public void Half_an_emoji_is_a_separate_character()
    {
        Assert.Equal(new(3, 1, 1), TextSize.Of("\ud83d"));
        Assert.Equal(new(7, 2, 1), TextSize.Of("\udc4d\ud83d\udc4d"));
    }

    [Theory]
    [InlineData("every effort moves")]
    [InlineData("  every \n effort ")]
    [InlineData("a")]
    [InlineData(" \t ")]
    public void A_word_counts_after_a_start_if_it_ends_there(string text)
    {
        // Returns the parts between white space with the index at which each ends.
        List<int> ends = [.. Regex.Matches(text, @"\s+").Select(match => match.Index), text.Length];
        for (int start = 1; start < text.Length; start++)
        {
            Assert.Equal(ends.Count(end => end > start), TextSize.CountWordsEnding(text, start, text.Length));
        }

        Assert.Equal(TextSize.CountWords(text), TextSize.CountWordsEnding(text, -1, text.Length));
        Assert.Equal(0, TextSize.CountWordsEnding(text, text.Length, text.Length));
    }
}
