
namespace MLNet.Gpt.Tests.Tokenization;

public class WordTokenizerTests
{
    private static readonly WordTokenizer Lecture = new(["a", "effort", "every", "forward", "moves", "you", "zoo"]);

    [Fact]
    public void The_lectures_seven_words_are_ids_in_their_order()
    {
        Assert.Equal(7, Lecture.VocabularySize);
        Assert.Equal([2, 1, 4], Lecture.Encode("every effort moves"));
        Assert.Equal([1, 4, 5], Lecture.Encode("effort moves you"));
        Assert.Equal("every effort moves you", Lecture.Decode([2, 1, 4, 5]));
    }

    [Fact] // The row after "every" as drawn in the lecture.
    public void The_most_probable_word_after_every_is_effort()
    {
        float[] probabilities = [0.10f, 0.60f, 0.20f, 0.05f, 0.00f, 0.02f, 0.01f];
        Assert.Equal("effort", Lecture.Decode([Array.IndexOf(probabilities, probabilities.Max())]));
    }

    [Fact]
    public void The_vocabulary_of_a_text_is_its_distinct_words_in_order()
    {
        var tokenizer = WordTokenizer.FromText("  zoo you\tmoves forward every effort\n a effort  zoo ");
        Assert.Equal(Lecture.Words, tokenizer.Words);
    }

    [Fact]
    public void White_space_of_any_kind_and_length_separates_words()
    {
        Assert.Equal([2, 1], Lecture.Encode(" \t every \r\n\u3000 effort\u00a0"));
        Assert.Equal(2, Lecture.Count(" \t every \r\n\u3000 effort\u00a0"));
        Assert.Empty(Lecture.Encode(" \n "));
        Assert.Empty(Lecture.Encode(""));
    }

    [Fact]
    public void An_unknown_word_is_an_error_that_names_it_and_its_position()
    {
        var exception = Assert.Throws<ArgumentException>(() => Lecture.Encode("every Effort moves"));
        Assert.Contains("'Effort' at position 1", exception.Message);
        Assert.Contains("7 words", exception.Message);
        Assert.Throws<ArgumentException>(() => Lecture.Count("every Effort moves"));
    }

    [Fact]
    public void A_word_for_unknown_ones_represents_all_others()
    {
        var tokenizer = new WordTokenizer(["a", "<unk>", "<eos>"], unknownWord: "<unk>", endOfText: "<eos>");
        Assert.Equal([0, 1, 2, 1], tokenizer.Encode("a b <eos> c"));
        Assert.Equal([0, 1, 1, 1], tokenizer.Encode("a b <eos> c", SpecialTokens.Literal));
        Assert.Equal(2, tokenizer.EndOfTextId);
    }

    [Fact]
    public void A_stream_has_one_space_between_words()
    {
        var decoder = Lecture.CreateStreamDecoder();
        Assert.Equal(["every", " effort", ""], new[] { decoder.Append(2), decoder.Append(1), decoder.Flush() });
        Assert.Equal("moves", decoder.Append(4));
    }

    [Fact]
    public void An_id_outside_the_vocabulary_is_an_error()
    {
        Assert.Contains("Token id 7 at position 1", Assert.Throws<ArgumentOutOfRangeException>(() => Lecture.Decode([0, 7])).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => Lecture.CreateStreamDecoder().Append(-1));
    }

    [Theory]
    [InlineData("at least 1 word")]
    [InlineData("'b' twice, as words 1 and 2", "a", "b", "b")]
    [InlineData("Word 1 of the vocabulary is empty", "a", "")]
    [InlineData("'b c', contains white space", "a", "b c")]
    public void A_bad_vocabulary_is_an_error_that_names_what_is_wrong(string message, params string[] words) =>
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => new WordTokenizer(words)).Message);

    [Fact]
    public void A_special_word_has_to_be_in_the_vocabulary() =>
        Assert.Contains("'<eos>'", Assert.Throws<ArgumentException>(() => new WordTokenizer(["a"], endOfText: "<eos>")).Message);
}
