using System.Text;

namespace MLNet.Gpt.Tests.Generation;

/// <summary>
/// One token per UTF-8 byte, and 256 as the end of text: every non-ASCII character is several tokens.
/// </summary>
internal sealed class ByteTokenizer : ITextTokenizer
{
    public const int EndOfText = 256;

    public int VocabularySize => 257;

    public int? EndOfTextId => EndOfText;

    public int[] Encode(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized) =>
        [.. Encoding.UTF8.GetBytes(text.ToString()).Select(b => (int)b)];

    public int Count(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized) => Encoding.UTF8.GetByteCount(text);

    public ReadOnlyMemory<byte> TokenBytes(int id) => id == EndOfText ? "<|endoftext|>"u8.ToArray() : new[] { (byte)id };

    public string Decode(ReadOnlySpan<int> ids)
    {
        var decoder = CreateStreamDecoder();
        var text = new StringBuilder();
        foreach (int id in ids) text.Append(decoder.Append(id));
        return text.Append(decoder.Flush()).ToString();
    }

    public ITokenStreamDecoder CreateStreamDecoder() => new StreamDecoder();

    private sealed class StreamDecoder : ITokenStreamDecoder
    {
        private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

        public string Append(int id) => id == EndOfText ? Flush() + "<|endoftext|>" : Convert([(byte)id], flush: false);

        public string Flush() => Convert([], flush: true);

        private string Convert(ReadOnlySpan<byte> bytes, bool flush)
        {
            Span<char> characters = stackalloc char[8];
            return characters[.._decoder.GetChars(bytes, characters, flush)].ToString();
        }
    }
}
