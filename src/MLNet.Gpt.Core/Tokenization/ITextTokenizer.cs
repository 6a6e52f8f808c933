using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>Turns text into token ids and back. Implementations are immutable and thread-safe.</summary>
public interface ITextTokenizer
{
    /// <summary>Number of ids, V; ids run from 0 to V − 1.</summary>
    int VocabularySize { get; }

    /// <summary>The id that ends a document, or <see langword="null"/> if the vocabulary has none.</summary>
    int? EndOfTextId { get; }

    /// <summary>
    /// The id that begins a document, from which its first token is predicted. GPT-2 uses the same token for both ends
    /// of a document.
    /// </summary>
    /// <value><see cref="EndOfTextId"/> if the vocabulary has no other.</value>
    int? BeginningOfTextId => EndOfTextId;

    /// <summary>
    /// Whether a prompt begins with <see cref="BeginningOfTextId"/>, as the model was trained. Encoding a text never adds it;
    /// generating text after a prompt, and predicting what follows it, does.
    /// </summary>
    /// <value><see langword="false"/>, as with GPT-2.</value>
    bool AddsBeginningOfText => false;

    /// <summary>The ids after which a generated text ends: <see cref="EndOfTextId"/> and, for some models, the end of a turn.</summary>
    IReadOnlyList<int> EndIds => EndOfTextId is { } id ? [id] : [];

    /// <summary>
    /// The template, in the language Jinja, with which the model's files turn a conversation into text, or
    /// <see langword="null"/> if there is none.
    /// </summary>
    string? ChatTemplate => null;

    /// <summary>Returns the token ids of a text; none for an empty text.</summary>
    int[] Encode(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized);

    /// <summary>
    /// Returns the token ids of a text like <see cref="Encode(ReadOnlySpan{char}, SpecialTokens)"/>, unless canceled. The
    /// tokenizers of this library stop at once, even in the middle of a long text; the default only checks beforehand.
    /// </summary>
    /// <exception cref="OperationCanceledException">The call was canceled.</exception>
    int[] Encode(ReadOnlySpan<char> text, SpecialTokens specialTokens, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Encode(text, specialTokens);
    }

    /// <summary>Returns the token ids of a part of a text; some tokenizers put a space before a text as a whole.</summary>
    internal int[] Encode(ReadOnlySpan<char> text, SpecialTokens specialTokens, TextStart start, CancellationToken cancellationToken) =>
        Encode(text, specialTokens, cancellationToken);

    /// <summary>
    /// Returns the number of ids that <see cref="Encode(ReadOnlySpan{char}, SpecialTokens)"/> would return, without
    /// allocating them.
    /// </summary>
    int Count(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized);

    /// <summary>Returns the text of token ids. Bytes that do not form a whole character decode to U+FFFD.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary; the message names it and its position.</exception>
    string Decode(ReadOnlySpan<int> ids);

    /// <summary>
    /// Returns the UTF-8 bytes that a token represents, which are not always whole characters. <see cref="TokenPiece"/>
    /// makes them readable.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    ReadOnlyMemory<byte> TokenBytes(int id);

    /// <summary>Returns the number of UTF-8 bytes that a token represents.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    int ByteCount(int id) => TokenBytes(id).Length;

    /// <summary>Creates a decoder that takes ids one at a time and never splits a character.</summary>
    ITokenStreamDecoder CreateStreamDecoder();
}
