using CsCheck;
using Microsoft.ML.Tokenizers;
using MLNet.Gpt.Tests.Data;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Tests.Tokenization;

public class Gpt2TokenizerTests
{
    private static readonly Gpt2Tokenizer Tokenizer = Gpt2Tokenizer.Instance;

    // Texts of all characters, of awkward fragments, and of both.
    private static readonly Gen<string> AnyText = Gen.OneOf(
        Gen.Char.Array[0, 60].Select(characters => new string(characters)),
        Gen.OneOf(
            "a",
            "The",
            " of",
            "ing",
            " ",
            "  ",
            "\n",
            "\t",
            "'s",
            "'",
            "'ll",
            "1",
            "²",
            "é",
            "士",
            "醒",
            "𠀚",
            "𠀖",
            "𝒳",
            "😀",
            "👍🏽",
            "\0",
            "\u00a0",
            "\u3000",
            "\u0301",
            "!",
            "<|",
            "|>",
            "\ud83d",
            "\ude00")
            .Array[0, 40].Select(string.Concat));

    [Theory] // The lecture's inputs and targets.
    [InlineData("every effort moves", new[] { 16833, 3626, 6100 })]
    [InlineData(" effort moves you", new[] { 3626, 6100, 345 })]
    [InlineData("I really like", new[] { 40, 1107, 588 })]
    [InlineData(" really like chocolate", new[] { 1107, 588, 11311 })]
    public void The_lectures_texts_have_the_lectures_ids(string text, int[] ids)
    {
        Assert.Equal(ids, Tokenizer.Encode(text));
        Assert.Equal(text, Tokenizer.Decode(ids));
    }

    [Fact]
    public void The_lectures_first_guess_decodes_as_in_the_lecture() =>
        Assert.Equal(" Armed heNetflix", Tokenizer.Decode([16657, 339, 42826]));

    [Fact]
    public void The_end_of_text_is_a_special_token_or_literal_text_on_request()
    {
        Assert.Equal([50256], Tokenizer.Encode("<|endoftext|>"));
        Assert.Equal([27, 91, 437, 1659, 5239, 91, 29], Tokenizer.Encode("<|endoftext|>", SpecialTokens.Literal));
        Assert.Equal(1, Tokenizer.Count("<|endoftext|>"));
        Assert.Equal(7, Tokenizer.Count("<|endoftext|>", SpecialTokens.Literal));
        Assert.Equal("<|endoftext|>", Tokenizer.Decode([50256]));
        Assert.Equal(50256, Tokenizer.EndOfTextId);
    }

    [Fact]
    public void Any_text_decodes_to_itself() => AnyText.Sample(text =>
    {
        string expected = Gpt2IdsTests.WellFormed(text); // a lone surrogate is not a character and becomes U+FFFD
        return Tokenizer.Decode(Tokenizer.Encode(text)) == expected
            && Tokenizer.Decode(Tokenizer.Encode(text, SpecialTokens.Literal)) == expected;
    }, iter: 2000);

    [Fact]
    public void The_count_is_the_number_of_ids() =>
        AnyText.Sample(text => Tokenizer.Count(text) == Tokenizer.Encode(text).Length, iter: 2000);

    [Fact] // compared where both are correct: ML.NET's splits inside letters beyond U+FFFF and mangles lone surrogates
    public void Text_of_the_basic_plane_has_the_same_ids_as_with_ML_NETs_tokenizer()
    {
        using var ranks = Gpt2Vocabulary.Shared.OpenRanks();
        var other = TiktokenTokenizer.CreateForModel("gpt2", ranks);
        Gen.OneOf(Gen.Char.Array[0, 60].Select(characters => new string(characters)), AnyText)
            .Select(text => string.Concat(text.Where(character => !char.IsSurrogate(character))))
            .Sample(text => Tokenizer.Encode(text).SequenceEqual(other.EncodeToIds(text)), iter: 2000);
    }

    [Theory]
    [InlineData("a")]
    [InlineData(" ")]
    [InlineData("\n ")]
    [InlineData("=-")]
    [InlineData("醒")]
    [InlineData("Call me Ishmael. ")]
    public void A_text_of_millions_of_characters_is_encoded_quickly(string part)
    {
        string text = string.Concat(Enumerable.Repeat(part, 1_000_000 / part.Length));
        var clock = System.Diagnostics.Stopwatch.StartNew();
        int[] ids = Tokenizer.Encode(text);
        Assert.Equal(text, Tokenizer.Decode(ids));
        // on a busy machine; a quadratic merge takes 5 to 26 minutes on an idle one
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(90), $"{text.Length} characters took {clock.Elapsed}.");
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(50257)]
    [InlineData(int.MaxValue)]
    public void An_id_outside_the_vocabulary_is_an_error_that_names_it_and_its_position(int id)
    {
        var exception = Assert.Throws<ArgumentOutOfRangeException>(() => Tokenizer.Decode([1, 2, id]));
        Assert.Contains($"Token id {id} at position 2", exception.Message);
        Assert.Contains("0 to 50256", exception.Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => Tokenizer.TokenBytes(id));
        Assert.Throws<ArgumentOutOfRangeException>(() => Tokenizer.CreateStreamDecoder().Append(id));
    }

    [Fact]
    public void Counting_allocates_no_ids()
    {
        string text = TestFiles.MobyDick[..20_000];

        // The minimum of a few: ML.NET caches what it has merged, and drops it if other threads fill the cache; it may
        // still allocate small objects for single pieces.
        long least = Enumerable.Range(0, 10).Min(_ =>
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            Tokenizer.Count(text);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        });
        Assert.InRange(least, 0, Tokenizer.Count(text) * sizeof(int) / 50);
    }

    [Fact]
    public void Many_threads_may_use_it_at_once()
    {
        int[] expected = Tokenizer.Encode(TestFiles.MobyDick);
        Parallel.For(0, 8, _ => Assert.Equal(expected, Tokenizer.Encode(TestFiles.MobyDick)));
    }

    [Fact]
    public void Long_runs_are_merged_like_short_ones()
    {
        using var ranks = Gpt2Vocabulary.Shared.OpenRanks();
        var other = TiktokenTokenizer.Create(ranks, preTokenizer: null, normalizer: null);
        Gen.OneOf("a", "b", "the", "ing", "=", "-", "醒", "é", "1", "0", "😀", "\0").Array[1, 5]
            .Select(Gen.Int[1, 120])
            .Sample((parts, count) =>
        {
            string piece = string.Concat(Enumerable.Repeat(string.Concat(parts), count));
            int[] ids = IdBuffer.Encode(new LongPieces(), piece, SpecialTokens.Literal);
            return ids.SequenceEqual(other.EncodeToIds(piece));
        });
    }

    [Fact] // one merger takes over from the other at some length; neither the ids nor their number may show where
    public void Words_of_any_length_have_the_same_ids_as_with_ML_NETs_tokenizer()
    {
        using var ranks = Gpt2Vocabulary.Shared.OpenRanks();
        var other = TiktokenTokenizer.Create(ranks, preTokenizer: null, normalizer: null);
        Gen.OneOf(Gen.Char['a', 'z'], Gen.Char['à', 'ö'], Gen.Char['ぁ', 'ん']).Array[1, 600].Select(letters => new string(letters)).Sample(
            word => Tokenizer.Encode(word).SequenceEqual(other.EncodeToIds(word)) && Tokenizer.Count(word) == other.CountTokens(word),
            iter: 500);
    }

    private sealed class LongPieces : IIdWriter
    {
        public void Write(ReadOnlySpan<char> text, SpecialTokens specialTokens, ref IdBuffer ids) => Tokenizer.MergeLong(text, ref ids);
    }
}
