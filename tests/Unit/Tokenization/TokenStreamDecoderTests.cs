using CsCheck;

namespace MLNet.Gpt.Tests.Tokenization;

public class TokenStreamDecoderTests
{
    private static readonly Gpt2Tokenizer Tokenizer = Gpt2Tokenizer.Instance;

    [Fact]
    public void An_emoji_of_several_tokens_is_decoded_as_a_whole()
    {
        int[] ids = Tokenizer.Encode("👍🏽");
        Assert.True(ids.Length > 2);
        var decoder = Tokenizer.CreateStreamDecoder();
        string[] pieces = [.. ids.Select(decoder.Append), decoder.Flush()];
        Assert.Equal(["👍", "🏽"], pieces.Where(piece => piece.Length > 0));
    }

    [Fact]
    public void The_pieces_of_any_ids_add_up_to_the_whole() =>
        // Ids below 256 are single bytes, mostly not characters at all.
        Gen.OneOf(Gen.Int[0, 50256], Gen.Int[94, 255]).Array[0, 60].Sample(ids => Streamed(ids) == Tokenizer.Decode(ids), iter: 5000);

    [Fact]
    public void The_pieces_of_a_text_are_whole_characters() =>
        Gen.OneOf("😀", "👍🏽", "醒", "𠀚", "é", "a", " ").Array[1, 20].Sample(parts =>
    {
        var decoder = Tokenizer.CreateStreamDecoder();
        foreach (int id in Tokenizer.Encode(string.Concat(parts)))
        {
            string piece = decoder.Append(id);
            Assert.DoesNotContain('\uFFFD', piece);
            if (piece.Length > 0) Assert.False(char.IsLowSurrogate(piece[0]) || char.IsHighSurrogate(piece[^1]));
        }

        Assert.Empty(decoder.Flush());
    });

    [Fact]
    public void A_flushed_decoder_can_be_reused()
    {
        int[] ids = Tokenizer.Encode("👍");
        var decoder = Tokenizer.CreateStreamDecoder();
        Assert.Empty(decoder.Append(ids[0]));
        Assert.Equal("\uFFFD", decoder.Flush());
        Assert.Empty(decoder.Flush());
        Assert.Equal("👍", string.Concat(ids.Select(decoder.Append)));
    }

    [Fact]
    public void An_unfinished_character_before_a_letter_becomes_the_replacement_character()
    {
        int[] ids = [Tokenizer.Encode("👍")[0], .. Tokenizer.Encode("a")];
        Assert.Equal("\uFFFDa", Streamed(ids));
    }

    private static string Streamed(int[] ids)
    {
        var decoder = Tokenizer.CreateStreamDecoder();
        return string.Concat(ids.Select(decoder.Append)) + decoder.Flush();
    }
}
