namespace MLNet.Gpt;

/// <summary>Turns text into token ids and back. Implementations are immutable and safe for use by many threads.</summary>
public interface ITextTokenizer
{
    /// <summary>Number of ids, V; ids run from 0 to V − 1.</summary>
    int VocabularySize { get; }

    /// <summary>The id that ends a document, or <see langword="null"/> where the vocabulary has none.</summary>
    int? EndOfTextId { get; }

    /// <summary>
    /// The id that begins a document, from which its first token is predicted. GPT-2 has one token for both ends of a document.
    /// </summary>
    /// <value><see cref="EndOfTextId"/> where the vocabulary has no other.</value>
    int? BeginningOfTextId => EndOfTextId;

    /// <summary>The token ids of a text; empty for an empty text.</summary>
    int[] Encode(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized);

    /// <summary>The number of ids that <see cref="Encode"/> would return, found without allocating them.</summary>
    int Count(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized);

    /// <summary>The text of token ids. Bytes that form no whole character decode to U+FFFD.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary; the message names it and its position.</exception>
    string Decode(ReadOnlySpan<int> ids);

    /// <summary>
    /// The UTF-8 bytes that a token stands for: not always whole characters. <see cref="TokenPiece"/> writes them for a
    /// reader.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    ReadOnlyMemory<byte> TokenBytes(int id);

    /// <summary>The number of UTF-8 bytes that a token stands for.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    int ByteCount(int id) => TokenBytes(id).Length;

    /// <summary>A decoder that takes ids one at a time and never cuts a character.</summary>
    ITokenStreamDecoder CreateStreamDecoder();
}
