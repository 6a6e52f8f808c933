using System.Text;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>
/// A tokenizer for whole words of a small fixed vocabulary, for teaching and tests: an id is a word's index in the
/// list.
/// </summary>
/// <remarks>
/// Text is split on white space, whose length is lost: decoding joins the words with single spaces. Words are
/// case-sensitive.
/// </remarks>
public sealed class WordTokenizer : ITextTokenizer, IIdWriter
{
    private readonly string[] _words;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _ids;
    private readonly int? _unknownId;

    /// <summary>Creates a tokenizer from a list of words.</summary>
    /// <param name="words">The vocabulary; ids are indexes in the list.</param>
    /// <param name="unknownWord">
    /// The word in the list that represents all others; without it, unknown words are an error.
    /// </param>
    /// <param name="endOfText">The word in the list that ends a document, if any.</param>
    /// <param name="beginningOfText">
    /// The word in the list that begins a document; <see langword="null"/> for <paramref name="endOfText"/>.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The list is empty, contains a word twice, contains a word that is empty or has white space in it, or lacks one
    /// of the special words.
    /// </exception>
    public WordTokenizer(IEnumerable<string> words, string? unknownWord = null, string? endOfText = null, string? beginningOfText = null)
    {
        _words = [.. words];
        if (_words.Length == 0) throw new ArgumentException("A vocabulary needs at least 1 word; the list is empty.", nameof(words));
        var ids = new Dictionary<string, int>(_words.Length, StringComparer.Ordinal);
        for (int id = 0; id < _words.Length; id++)
        {
            string word = _words[id];
            if (string.IsNullOrEmpty(word)) throw new ArgumentException($"Word {id} of the vocabulary is empty.", nameof(words));
            if (word.Any(char.IsWhiteSpace))
            {
                throw new ArgumentException($"Word {id} of the vocabulary, '{word}', contains white space.", nameof(words));
            }

            if (ids.TryAdd(word, id)) continue;
            throw new ArgumentException($"The vocabulary contains '{word}' twice, as words {ids[word]} and {id}.", nameof(words));
        }

        _ids = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        _unknownId = IdOf(unknownWord, nameof(unknownWord));
        EndOfTextId = IdOf(endOfText, nameof(endOfText));
        BeginningOfTextId = IdOf(beginningOfText, nameof(beginningOfText)) ?? EndOfTextId;
    }

    /// <summary>Creates a tokenizer from the distinct words of a text, in ordinal order.</summary>
    /// <exception cref="ArgumentException">The text contains no words.</exception>
    public static WordTokenizer FromText(string text) =>
        new(text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Distinct().Order(StringComparer.Ordinal));

    /// <summary>The vocabulary in the order of the ids.</summary>
    public IReadOnlyList<string> Words => _words;

    /// <summary>
    /// The word that represents all words outside the vocabulary, or <see langword="null"/> if those are an error.
    /// </summary>
    public string? UnknownWord => _unknownId is { } id ? _words[id] : null;

    /// <inheritdoc/>
    public int VocabularySize => _words.Length;

    /// <inheritdoc/>
    public int? EndOfTextId { get; }

    /// <inheritdoc/>
    public int? BeginningOfTextId { get; }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">
    /// A word is not in the vocabulary, and there is no word for unknown ones; the message names the word and its
    /// position.
    /// </exception>
    public int[] Encode(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized) =>
        IdBuffer.Encode(this, text, specialTokens);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">As for <see cref="Encode(ReadOnlySpan{char}, SpecialTokens)"/>.</exception>
    public int Count(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized) =>
        IdBuffer.CountOf(this, text, specialTokens);

    /// <inheritdoc/>
    public string Decode(ReadOnlySpan<int> ids)
    {
        TokenIds.Validate(ids, VocabularySize, nameof(ids));
        var text = new StringBuilder();
        foreach (int id in ids) (text.Length == 0 ? text : text.Append(' ')).Append(_words[id]);
        return text.ToString();
    }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> TokenBytes(int id)
    {
        TokenIds.Validate([id], VocabularySize, nameof(id));
        return Encoding.UTF8.GetBytes(_words[id]);
    }

    /// <inheritdoc/>
    public int ByteCount(int id)
    {
        TokenIds.Validate([id], VocabularySize, nameof(id));
        return Encoding.UTF8.GetByteCount(_words[id]);
    }

    /// <inheritdoc/>
    public ITokenStreamDecoder CreateStreamDecoder() => new WordStreamDecoder(_words);

    int[] ITextTokenizer.Encode(ReadOnlySpan<char> text, SpecialTokens specialTokens, CancellationToken cancellationToken) =>
        IdBuffer.Encode(this, text, specialTokens, cancellationToken);

    void IIdWriter.Write(ReadOnlySpan<char> text, SpecialTokens specialTokens, ref IdBuffer ids)
    {
        Check.Defined(specialTokens, nameof(specialTokens));
        for (int start = 0, end; start < text.Length; start = end + 1)
        {
            ids.CancellationToken.ThrowIfCancellationRequested();
            end = start;
            while (end < text.Length && !char.IsWhiteSpace(text[end])) end++;
            if (end > start) ids.Add(IdOf(text[start..end], specialTokens, ids.Count));
        }
    }

    private int IdOf(ReadOnlySpan<char> word, SpecialTokens specialTokens, int position)
    {
        // As ordinary characters, the spelling of a special token is a word that is not in the vocabulary.
        bool isKnown = _ids.TryGetValue(word, out int id);
        if (specialTokens == SpecialTokens.Literal) isKnown &= id != EndOfTextId && id != BeginningOfTextId;
        if (isKnown) return id;
        return _unknownId ?? throw new ArgumentException(
            $"The word '{word}' at position {position} is not among the {VocabularySize} words of the vocabulary.", "text");
    }

    private int? IdOf(string? word, string parameterName)
    {
        if (word is null) return null;
        return _ids.TryGetValue(word, out int id)
            ? id
            : throw new ArgumentException($"The vocabulary lacks the word '{word}'.", parameterName);
    }
}
