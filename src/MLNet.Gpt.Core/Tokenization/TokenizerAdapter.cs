using System.Text;
using Microsoft.ML.Tokenizers;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>Lets a model use any <see cref="Tokenizer"/> of the package Microsoft.ML.Tokenizers.</summary>
/// <remarks>
/// <para>
/// It is limited to what such a tokenizer reports. For bytes that are not whole characters by themselves,
/// <see cref="TokenBytes"/> returns U+FFFD; <see cref="Decode"/> and streams return them correctly, because they decode
/// tokens together. A token that the tokenizer decodes to nothing has no bytes.
/// </para>
/// <para>
/// A tokenizer that adds a beginning-of-text token by itself, as some SentencePiece models do, adds it to every text
/// that is encoded. To measure and train, create it with <c>addBeginOfSentence: false</c>.
/// </para>
/// <para>The adapter is thread-safe if the tokenizer is; those of the package are.</para>
/// </remarks>
public sealed class TokenizerAdapter : ITextTokenizer
{
    private readonly IReadOnlyDictionary<string, int> _specialTokens;

    /// <summary>Creates an adapter.</summary>
    /// <param name="tokenizer">The tokenizer; its normalizer and pre-tokenizer are applied.</param>
    /// <param name="vocabularySize">
    /// Number of ids, V. <see langword="null"/> to take it from the tokenizer, if that is a <see cref="BpeTokenizer"/>
    /// or a <see cref="SentencePieceTokenizer"/>: one more than its highest id. Others, such as a
    /// <see cref="TiktokenTokenizer"/>, do not report it.
    /// </param>
    /// <param name="endOfTextId">
    /// The id that ends a document. <see langword="null"/> for that of the special token <c>&lt;|endoftext|&gt;</c>, or
    /// of a <see cref="SentencePieceTokenizer"/>'s end of a sentence, if there is one.
    /// </param>
    /// <param name="beginningOfTextId">
    /// The id that begins a document. <see langword="null"/> for that of a <see cref="SentencePieceTokenizer"/>'s
    /// beginning of a sentence, otherwise the id that ends a document.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The tokenizer does not report its vocabulary size, and none is given.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The vocabulary size is below 1, or an id is outside the vocabulary.
    /// </exception>
    public TokenizerAdapter(
        Tokenizer tokenizer, int? vocabularySize = null, int? endOfTextId = null, int? beginningOfTextId = null)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        Tokenizer = tokenizer;
        _specialTokens = SpecialTokensOf(tokenizer);
        VocabularySize = Check.AtLeast(
            vocabularySize ?? SizeOf(tokenizer) ?? throw new ArgumentException(
                $"A {tokenizer.GetType().Name} does not report its vocabulary size; pass it.", nameof(vocabularySize)),
            1,
            nameof(vocabularySize));
        EndOfTextId = endOfTextId ?? EndOf(tokenizer, _specialTokens);
        BeginningOfTextId = beginningOfTextId ?? BeginningOf(tokenizer) ?? EndOfTextId;
        if (EndOfTextId is { } end) TokenIds.Validate([end], VocabularySize, nameof(endOfTextId));
        if (BeginningOfTextId is { } beginning) TokenIds.Validate([beginning], VocabularySize, nameof(beginningOfTextId));
    }

    /// <summary>The tokenizer that does the work.</summary>
    public Tokenizer Tokenizer { get; }

    /// <inheritdoc/>
    public int VocabularySize { get; }

    /// <inheritdoc/>
    public int? EndOfTextId { get; }

    /// <inheritdoc/>
    public int? BeginningOfTextId { get; }

    /// <inheritdoc/>
    /// <remarks>
    /// Such a tokenizer always recognizes its special tokens. For <see cref="SpecialTokens.Literal"/>, the text is
    /// split inside their spellings so that they remain ordinary characters; no token spans such a split.
    /// </remarks>
    /// <exception cref="InvalidOperationException">The tokenizer returns an id outside the vocabulary.</exception>
    public int[] Encode(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized)
    {
        Check.Defined(specialTokens, nameof(specialTokens));
        text = WellFormedText.Of(text);
        int[] ids = specialTokens == SpecialTokens.Recognized ? Encode(text) : EncodeLiterally(text);
        foreach (int id in ids)
        {
            if ((uint)id < (uint)VocabularySize) continue;
            throw new InvalidOperationException(
                $"The tokenizer returned the id {id}; with a vocabulary of {VocabularySize}, ids run from 0 to {VocabularySize - 1}.");
        }

        return ids;
    }

    /// <inheritdoc/>
    public int Count(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized) =>
        Encode(text, specialTokens).Length;

    /// <inheritdoc/>
    public string Decode(ReadOnlySpan<int> ids)
    {
        TokenIds.Validate(ids, VocabularySize, nameof(ids));
        return DecodeValid(ids);
    }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> TokenBytes(int id)
    {
        TokenIds.Validate([id], VocabularySize, nameof(id));
        return Encoding.UTF8.GetBytes(DecodeValid([id]));
    }

    /// <inheritdoc/>
    public ITokenStreamDecoder CreateStreamDecoder() => new StreamDecoder(this);

    // The size is one more than the highest id: ids may have gaps, and special tokens come after the others.
    private static int? SizeOf(Tokenizer tokenizer) => tokenizer switch
    {
        BpeTokenizer pairs => Highest(pairs.Vocabulary.Values, pairs.SpecialTokens),
        SentencePieceTokenizer pieces => Highest(pieces.Vocabulary.Values, pieces.SpecialTokens),
        _ => null,
    };

    private static int Highest(IEnumerable<int> ids, IReadOnlyDictionary<string, int>? specialTokens) =>
        ids.Concat(specialTokens?.Values ?? []).DefaultIfEmpty(-1).Max() + 1;

    private static IReadOnlyDictionary<string, int> SpecialTokensOf(Tokenizer tokenizer) => tokenizer switch
    {
        BpeTokenizer pairs => pairs.SpecialTokens,
        TiktokenTokenizer tiktoken => tiktoken.SpecialTokens,
        SentencePieceTokenizer pieces => pieces.SpecialTokens,
        WordPieceTokenizer words => words.SpecialTokens,
        _ => null,
    } ?? new Dictionary<string, int>();

    private static int? EndOf(Tokenizer tokenizer, IReadOnlyDictionary<string, int> specialTokens)
    {
        if (tokenizer is SentencePieceTokenizer pieces) return pieces.EndOfSentenceId;
        return specialTokens.TryGetValue(Gpt2Vocabulary.EndOfText, out int id) ? id : null;
    }

    private static int? BeginningOf(Tokenizer tokenizer) => (tokenizer as SentencePieceTokenizer)?.BeginningOfSentenceId;

    private int[] Encode(ReadOnlySpan<char> text) => text.IsEmpty ? [] : [.. Tokenizer.EncodeToIds(text)];

    private int[] EncodeLiterally(ReadOnlySpan<char> text)
    {
        var ids = new List<int>();
        for (int start = 0, search = 0; ;)
        {
            int found = -1;
            foreach (string spelling in _specialTokens.Keys)
            {
                int at = spelling.Length < 2 ? -1 : text[search..].IndexOf(spelling);
                if (at >= 0 && (found < 0 || search + at < found)) found = search + at;
            }

            if (found < 0)
            {
                ids.AddRange(Encode(text[start..]));
                return [.. ids];
            }

            search = found + 1; // after the first character of the spelling
            ids.AddRange(Encode(text[start..search]));
            start = search;
        }
    }

    private string DecodeValid(ReadOnlySpan<int> ids) => Tokenizer.Decode(ids.ToArray()) ?? string.Empty;

    // Decodes each token together with those before it, and holds back text that ends in an incomplete character. The
    // last tokens whose text was returned stay in front, because the first token of a text may lose a leading space.
    private sealed class StreamDecoder(TokenizerAdapter tokenizer) : ITokenStreamDecoder
    {
        private const int LongestCharacter = 4; // in bytes, and so also in tokens, which have at least one byte

        private readonly List<int> _ids = [];
        private int _given; // ids at the beginning of the list whose text was returned

        public string Append(int id)
        {
            TokenIds.Validate([id], tokenizer.VocabularySize, nameof(id));
            _ids.Add(id);
            string before = Decode(_given), text = Decode(_ids.Count);
            bool isComplete = !text.EndsWith('\uFFFD') || _ids.Count - _given >= LongestCharacter;
            if (!isComplete || text.Length < before.Length) return string.Empty;
            _ids.RemoveRange(0, _given);
            _given = _ids.Count;
            return text[before.Length..];
        }

        public string Flush()
        {
            string before = Decode(_given), text = Decode(_ids.Count);
            _ids.Clear();
            _given = 0;
            return text.Length > before.Length ? text[before.Length..] : string.Empty;
        }

        private string Decode(int count) =>
            count == 0 ? string.Empty : tokenizer.DecodeValid(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_ids)[..count]);
    }
}
