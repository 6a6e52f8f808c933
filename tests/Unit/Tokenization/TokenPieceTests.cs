using System.Text;

namespace MLNet.Gpt.Tests.Tokenization;

public class TokenPieceTests
{
    private static readonly Gpt2Tokenizer Tokenizer = Gpt2Tokenizer.Instance;

    public static TheoryData<string> Texts =>
        ["鲸鱼在游泳", "الحوت الأبيض", "🐋🏳️‍🌈 whale", "Größe café 鯨", "a\uD83Db", "\uFFFD is a character too",
            "Call me Ishmael.<|endoftext|>"];

    [Theory]
    [MemberData(nameof(Texts))]
    public void The_pieces_have_all_bytes_of_the_text(string text)
    {
        TokenPiece[] pieces = [.. Tokenizer.Encode(text).Select(id => TokenPiece.Of(Tokenizer, id))];

        Assert.Equal(Encoding.UTF8.GetBytes(text), pieces.SelectMany(piece => piece.Bytes.ToArray()));
        Assert.All(
            pieces, piece => Assert.Equal(Encoding.UTF8.GetBytes(piece.Text).AsSpan().SequenceEqual(piece.Bytes.Span), piece.IsWhole));
        if (!Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)).Contains('\uFFFD'))
        {
            Assert.All(
                pieces, piece => Assert.DoesNotContain('\uFFFD', piece.Text));
        }
    }

    [Fact]
    public void Bytes_that_are_not_a_whole_character_are_written_in_hexadecimal()
    {
        int[] ids = Tokenizer.Encode("鯨 🐋"); // E9 AF A8 20 F0 9F 90 8B
        string[] texts = [.. ids.Select(id => TokenPiece.Of(Tokenizer, id).Text)];

        Assert.True(ids.Length > 2);
        Assert.Equal("<E9><AF><A8> <F0><9F><90><8B>", string.Concat(texts));
        Assert.Equal("ab<E9><AF> <A8>ü", TokenPiece.Of(0, new byte[] { 0x61, 0x62, 0xE9, 0xAF, 0x20, 0xA8, 0xC3, 0xBC }).Text);
    }

    [Fact]
    public void Words_are_their_own_bytes()
    {
        var words = new WordTokenizer(["zoo", "Größe"]);

        Assert.Equal("Größe", TokenPiece.Of(words, 1).Text);
        Assert.Equal(Encoding.UTF8.GetBytes("Größe"), words.TokenBytes(1).ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => TokenPiece.Of(words, 2));
    }

    [Fact]
    public void Pieces_are_equal_by_id_and_bytes()
    {
        Assert.Equal(TokenPiece.Of(Tokenizer, 5), TokenPiece.Of(5, Tokenizer.TokenBytes(5)));
        Assert.NotEqual(TokenPiece.Of(Tokenizer, 5), TokenPiece.Of(6, Tokenizer.TokenBytes(5)));
        Assert.NotEqual(TokenPiece.Of(Tokenizer, 5), TokenPiece.Of(5, Tokenizer.TokenBytes(6)));
    }
}
