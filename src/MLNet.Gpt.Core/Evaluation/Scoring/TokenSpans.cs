using System.Text;

namespace MLNet.Gpt.Evaluation.Scoring;

/// <summary>Walks through a text token by token and finds where each ends.</summary>
/// <remarks>
/// The decoded text of a token is expected where the last token ended. Tokenizers that keep all of a text match at
/// once; for those that drop white space or replace unknown words, white space or a word is skipped.
/// </remarks>
internal sealed class TokenSpans(string text, ITextTokenizer tokenizer)
{
    private readonly ITokenStreamDecoder _decoder = tokenizer.CreateStreamDecoder();
    private long _bytes, _unfinishedBytes;

    /// <summary>The index after the last character that the tokens so far complete.</summary>
    public int Position { get; private set; }

    /// <summary>UTF-8 bytes of the tokens so far, including those of a character that is not complete yet.</summary>
    public long ByteCount => _bytes + _unfinishedBytes;

    /// <summary>
    /// Takes the next token; the text that it completes is between the positions before and after the call.
    /// </summary>
    public void Advance(int id)
    {
        string decoded = _decoder.Append(id);
        int end = End(decoded), bytes = Encoding.UTF8.GetByteCount(text.AsSpan(Position, end - Position));
        _unfinishedBytes += tokenizer.ByteCount(id);
        if (decoded.Length > 0) _unfinishedBytes = Math.Max(0, _unfinishedBytes - bytes);
        _bytes += bytes;
        Position = end;
    }

    /// <summary>Takes the rest of the text as that of the last token.</summary>
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

    // The tokenizer replaces an unpaired surrogate by U+FFFD.
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
