using System.Text;

namespace MLNet.Gpt.Evaluation.Metrics;

/// <summary>Walks through a text token by token and tells where each ends.</summary>
/// <remarks>
/// A token's decoded text is looked for where the last token ended. Tokenizers that keep all of a text agree with it at
/// once; those that forget white space, or replace words that they do not know, are met by passing over white space, or
/// over a word.
/// </remarks>
internal sealed class TokenSpans(string text, ITextTokenizer tokenizer)
{
    private readonly ITokenStreamDecoder _decoder = tokenizer.CreateStreamDecoder();
    private long _bytes, _unfinishedBytes;

    /// <summary>Place after the last character that the tokens so far complete.</summary>
    public int Position { get; private set; }

    /// <summary>UTF-8 bytes of the tokens so far: those of the characters, and those of a character that is not complete yet.</summary>
    public long ByteCount => _bytes + _unfinishedBytes;

    /// <summary>Takes the next token; the text that it completes is that from the position before to the one after.</summary>
    public void Advance(int id)
    {
        string decoded = _decoder.Append(id);
        int end = End(decoded), bytes = Encoding.UTF8.GetByteCount(text.AsSpan(Position, end - Position));
        _unfinishedBytes = decoded.Length == 0 ? _unfinishedBytes + tokenizer.ByteCount(id) : Math.Max(0, _unfinishedBytes + tokenizer.ByteCount(id) - bytes);
        _bytes += bytes;
        Position = end;
    }

    /// <summary>Takes the rest of the text, to which the tokens so far amount.</summary>
    public void Finish()
    {
        _bytes += Encoding.UTF8.GetByteCount(text.AsSpan(Position));
        _unfinishedBytes = 0;
        Position = text.Length;
    }

    private int End(string decoded)
    {
        if (decoded.Length == 0) return Position;
        var rest = text.AsSpan(Position);
        if (Matches(rest, decoded)) return Position + decoded.Length;

        var trimmed = rest.TrimStart();
        int start = text.Length - trimmed.Length;
        var word = decoded.AsSpan().TrimStart();
        if (word.Length > 0 && Matches(trimmed, word)) return start + word.Length;

        int length = 0;
        while (length < trimmed.Length && !char.IsWhiteSpace(trimmed[length])) length++;
        return start + length;
    }

    // A surrogate without its other half has become U+FFFD on the way through the tokenizer.
    private static bool Matches(ReadOnlySpan<char> rest, ReadOnlySpan<char> decoded)
    {
        if (rest.StartsWith(decoded)) return true;
        if (rest.Length < decoded.Length || !decoded.Contains('\uFFFD')) return false;
        for (int i = 0; i < decoded.Length; i++)
        {
            if (rest[i] != decoded[i] && !(decoded[i] == '\uFFFD' && char.IsSurrogate(rest[i]))) return false;
        }

        return true;
    }
}
