using System.Globalization;
using System.Text;

namespace MLNet.Gpt.Tokenization;

/// <summary>
/// A tokenizer for a model whose vocabulary has a different size. Ids that only the model has do not represent text: no
/// text encodes to them, and they decode to the names that llama.cpp's converter gives them, such as <c>[PAD50257]</c>.
/// A text that needs an id that only the tokenizer has is an error.
/// </summary>
internal sealed class FittedTokenizer : ITextTokenizer
{
    private readonly ITextTokenizer _inner;

    private FittedTokenizer(ITextTokenizer inner, int vocabularySize)
    {
        _inner = inner;
        VocabularySize = vocabularySize;
    }

    public int VocabularySize { get; }

    public int? EndOfTextId => Known(_inner.EndOfTextId);

    public int? BeginningOfTextId => Known(_inner.BeginningOfTextId) ?? EndOfTextId;

    public bool AddsBeginningOfText => _inner.AddsBeginningOfText && BeginningOfTextId == _inner.BeginningOfTextId;

    public IReadOnlyList<int> EndIds => [.. _inner.EndIds.Where(id => id < VocabularySize)];

    public string? ChatTemplate => _inner.ChatTemplate;

    /// <summary>Returns a tokenizer with the size of a model's vocabulary: the given one if it has that size.</summary>
    public static ITextTokenizer Of(ITextTokenizer tokenizer, int vocabularySize)
    {
        var inner = Original(tokenizer);
        return inner.VocabularySize == vocabularySize ? inner : new FittedTokenizer(inner, vocabularySize);
    }

    /// <summary>Returns the tokenizer as it was before it was fitted to a model.</summary>
    public static ITextTokenizer Original(ITextTokenizer tokenizer) => tokenizer is FittedTokenizer fitted ? fitted._inner : tokenizer;

    /// <summary>Returns the number of ids, from 0, that represent text.</summary>
    public static int TokenCountOf(ITextTokenizer tokenizer) =>
        tokenizer is FittedTokenizer fitted ? Math.Min(fitted._inner.VocabularySize, fitted.VocabularySize) : tokenizer.VocabularySize;

    /// <summary>
    /// Returns whether the model lacks tokens that any text may contain, so that leaving them out of a list would change how
    /// other text is encoded.
    /// </summary>
    public static bool LacksOrdinaryTokens(ITextTokenizer tokenizer) => tokenizer is FittedTokenizer fitted
        && fitted._inner.VocabularySize > fitted.VocabularySize && !AreSpecial(fitted._inner, fitted.VocabularySize);

    /// <summary>Returns the name of an id that does not represent text.</summary>
    public static string NameOf(int id) => string.Create(CultureInfo.InvariantCulture, $"[PAD{id}]");

    public int[] Encode(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized) =>
        Encode(text, specialTokens, CancellationToken.None);

    public int[] Encode(ReadOnlySpan<char> text, SpecialTokens specialTokens, CancellationToken cancellationToken) =>
        Encode(text, specialTokens, TextStart.Beginning, cancellationToken);

    public int[] Encode(ReadOnlySpan<char> text, SpecialTokens specialTokens, TextStart start, CancellationToken cancellationToken)
    {
        int[] ids = _inner.Encode(text, specialTokens, start, cancellationToken);
        foreach (int id in ids)
        {
            if (id < VocabularySize) continue;
            throw new ArgumentException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The text contains the token '{_inner.Decode([id])}' with the id {id}, which the tokenizer has but the model ")
                + string.Create(CultureInfo.InvariantCulture, $"does not: its ids run from 0 to {VocabularySize - 1}."),
                nameof(text));
        }

        return ids;
    }

    public int Count(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized) =>
        _inner.VocabularySize <= VocabularySize ? _inner.Count(text, specialTokens) : Encode(text, specialTokens).Length;

    public string Decode(ReadOnlySpan<int> ids)
    {
        TokenIds.Validate(ids, VocabularySize, nameof(ids));
        if (!ids.ContainsAnyInRange(_inner.VocabularySize, int.MaxValue)) return _inner.Decode(ids);
        var decoder = CreateStreamDecoder();
        var text = new StringBuilder();
        foreach (int id in ids) text.Append(decoder.Append(id));
        return text.Append(decoder.Flush()).ToString();
    }

    public ReadOnlyMemory<byte> TokenBytes(int id)
    {
        TokenIds.Validate([id], VocabularySize, nameof(id));
        return id < _inner.VocabularySize ? _inner.TokenBytes(id) : Encoding.ASCII.GetBytes(NameOf(id));
    }

    public ITokenStreamDecoder CreateStreamDecoder() => new StreamDecoder(this, _inner.CreateStreamDecoder());

    private int? Known(int? id) => id < VocabularySize ? id : null;

    private static bool AreSpecial(ITextTokenizer tokenizer, int first) => tokenizer switch
    {
        BytePairTokenizer pairs => pairs.Added.Count(token => token.Id >= first) == pairs.VocabularySize - first,
        Gpt2Tokenizer => first >= Gpt2Vocabulary.EndOfTextId,
        _ => false,
    };

    private sealed class StreamDecoder(FittedTokenizer tokenizer, ITokenStreamDecoder inner) : ITokenStreamDecoder
    {
        public string Append(int id)
        {
            TokenIds.Validate([id], tokenizer.VocabularySize, nameof(id));
            return id < tokenizer._inner.VocabularySize ? inner.Append(id) : inner.Flush() + NameOf(id);
        }

        public string Flush() => inner.Flush();
    }
}
