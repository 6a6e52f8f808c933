using System.Text;

namespace MLNet.Gpt.Tokenization;

/// <summary>Decodes a stream of tokens that represent UTF-8 bytes.</summary>
/// <param name="tokenBytes">The bytes of an id; throws for an id outside the vocabulary.</param>
/// <param name="dropsFirstSpace">Whether a space at the beginning of the text is not part of it.</param>
internal sealed class ByteStreamDecoder(Func<int, ReadOnlyMemory<byte>> tokenBytes, bool dropsFirstSpace = false) : ITokenStreamDecoder
{
    private bool _isAtStart = true;

    // Keeps the bytes of an unfinished character between calls.
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

    public string Append(int id)
    {
        var bytes = tokenBytes(id).Span;
        if (dropsFirstSpace && _isAtStart && bytes is [(byte)' ', ..]) bytes = bytes[1..];
        _isAtStart = false;
        return Convert(bytes, flush: false);
    }

    public string Flush()
    {
        _isAtStart = true;
        return Convert([], flush: true);
    }

    private string Convert(ReadOnlySpan<byte> bytes, bool flush)
    {
        // Up to 3 bytes may be held back, each of which becomes at most one U+FFFD.
        Span<char> characters = bytes.Length <= 128 ? stackalloc char[bytes.Length + 4] : new char[bytes.Length + 4];
        int count = _decoder.GetChars(bytes, characters, flush);
        return count == 0 ? string.Empty : new string(characters[..count]);
    }
}
