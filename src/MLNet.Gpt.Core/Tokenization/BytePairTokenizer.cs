using System.Buffers;
using System.Text;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>
/// BPE with any vocabulary. Created by its constructor, it is byte-level and splits text as GPT-2 does; read from a
/// model's files, it does what they say: split as Llama 3, Qwen or SmolLM do, or merge characters instead of bytes, as
/// the SentencePiece vocabularies of Llama 2, Mistral and Gemma do. For GPT-2's own vocabulary,
/// <see cref="Gpt2Tokenizer"/> gives the same ids faster.
/// </summary>
public sealed class BytePairTokenizer : ITextTokenizer, IIdWriter
{
    // Characters per piece up to which its bytes fit on the stack.
    private const int ShortPiece = 128;

    // Pieces that are kept with their ids, and bytes per piece up to which they are kept: about 2 MB in all.
    private const int CacheSize = 1 << 14, LongestCached = 64;

    // Bytes per token up to which its merges are derived from scores; SentencePiece's tokens are much shorter.
    private const int LongestScored = 256;

    private readonly TokenTable _tokens;
    private readonly byte[] _merging; // per id, whether merging a token's own bytes leads to it: 0 unknown, 1 yes, 2 no
    private readonly int[] _byteIds = new int[256];
    private readonly BytePairMerges _merges;
    private readonly AddedTokens _added;
    private readonly MergedPiece?[] _merged = new MergedPiece?[CacheSize]; // recent pieces, by their hash
    private readonly HashSet<char> _beforeSpace = []; // characters that tokens contain before a space

    /// <summary>Creates a byte-level tokenizer that splits text as GPT-2 does.</summary>
    /// <param name="tokens">The bytes of each id, in order.</param>
    /// <param name="merges">Pairs of ids that become one token, in merge order.</param>
    /// <param name="specialIds">
    /// Ids whose bytes are the UTF-8 spelling of a special token, which is recognized as a whole and never merged.
    /// </param>
    /// <param name="endOfTextId">The id that ends a document; one of the special ones.</param>
    /// <param name="unknownId">
    /// The id for a byte that has no token; if <see langword="null"/>, text with such a byte is an error.
    /// </param>
    /// <param name="beginningOfTextId">
    /// The id that begins a document; one of the special ones. <see langword="null"/> for
    /// <paramref name="endOfTextId"/>.
    /// </param>
    /// <exception cref="ArgumentException">
    /// A token is empty or occurs twice, an id is outside the vocabulary, or a pair occurs twice or does not form a
    /// token.
    /// </exception>
    public BytePairTokenizer(
        IReadOnlyList<byte[]> tokens,
        IReadOnlyList<(int Left, int Right)> merges,
        IReadOnlyList<int> specialIds,
        int? endOfTextId = null,
        int? unknownId = null,
        int? beginningOfTextId = null)
        : this(
            tokens, merges, AddedOf(tokens, specialIds), hiddenIds: [], endOfTextId, unknownId, beginningOfTextId, TokenizerRules.Gpt2)
    {
    }

    /// <summary>Creates a tokenizer with other rules.</summary>
    /// <param name="tokens">The bytes of each id, in order.</param>
    /// <param name="merges">Pairs of ids that become one token, in merge order; none if the rules have scores.</param>
    /// <param name="added">The tokens that are recognized as a whole.</param>
    /// <param name="hiddenIds">Ids that text is never encoded to, apart from those of bytes.</param>
    /// <param name="endOfTextId">The id that ends a document; one of the special ones.</param>
    /// <param name="unknownId">The id for a byte or a character that has no token.</param>
    /// <param name="beginningOfTextId">The id that begins a document; one of the special ones.</param>
    /// <param name="rules">What is done besides merging.</param>
    /// <exception cref="ArgumentException">As for the other constructor.</exception>
    internal BytePairTokenizer(
        IReadOnlyList<byte[]> tokens,
        IReadOnlyList<(int Left, int Right)> merges,
        IReadOnlyList<AddedToken> added,
        IReadOnlyList<int> hiddenIds,
        int? endOfTextId,
        int? unknownId,
        int? beginningOfTextId,
        TokenizerRules rules)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(merges);
        TokenIds.Validate([.. added.Select(token => token.Id)], tokens.Count, "specialIds");
        TokenIds.Validate([.. hiddenIds], tokens.Count, nameof(hiddenIds));
        TokenIds.Validate([.. rules.OtherEndIds], tokens.Count, nameof(endOfTextId));
        var specialIds = added.Where(token => token.IsSpecial).Select(token => token.Id).ToHashSet();
        if (endOfTextId is { } end && !specialIds.Contains(end))
        {
            throw new ArgumentException($"The end-of-text id {end} is not one of the special ids.", nameof(endOfTextId));
        }

        if (beginningOfTextId is { } beginning && !specialIds.Contains(beginning))
        {
            throw new ArgumentException($"The beginning-of-text id {beginning} is not one of the special ids.", nameof(beginningOfTextId));
        }

        if (unknownId is { } unknown) TokenIds.Validate([unknown], tokens.Count, nameof(unknownId));

        HashSet<int> hidden = [.. added.Select(token => token.Id), .. hiddenIds, .. rules.ByteIds ?? []];
        if (rules.MergesCharacters && unknownId is { } none) hidden.Add(none);
        _tokens = TableOf(tokens, hidden);
        _merging = new byte[tokens.Count];
        _added = new(added.DistinctBy(token => token.Id));
        Rules = rules;
        EndOfTextId = endOfTextId;
        BeginningOfTextId = beginningOfTextId ?? endOfTextId;
        UnknownId = unknownId;
        HiddenIds = [.. hiddenIds.Distinct().Order()];
        EndIds = [.. new[] { endOfTextId }.OfType<int>().Concat(rules.OtherEndIds).Distinct()];
        if (rules.ByteIds is not null && (rules.ByteIds.Count != 256 || rules.ByteIds.Any(id => (uint)id >= (uint)tokens.Count)))
        {
            throw new ArgumentException("The ids of the 256 bytes are not in the vocabulary.", nameof(rules));
        }

        for (int value = 0; value < _byteIds.Length; value++)
        {
            _byteIds[value] = rules.MergesCharacters ? rules.ByteIds?[value] ?? -1 : _tokens.Find([(byte)value]);
        }

        if (rules.Scores is { } scores)
        {
            if (scores.Count != tokens.Count)
            {
                throw new ArgumentException($"There are {tokens.Count} tokens but {scores.Count} scores.", nameof(rules));
            }

            var pairs = ScoredMerges(scores);
            Merges = [.. pairs.Select(pair => (pair.Left, pair.Right))];
            _merges = new BytePairMerges(Merges, [.. pairs.Select(pair => pair.Id)], [.. pairs.Select(pair => pair.Rank)]);
        }
        else
        {
            Merges = [.. merges];
            _merges = new BytePairMerges(Merges, Merged(Merges));
        }

        if (rules.Split == TextSplit.Words) FindCharactersBeforeSpaces(hidden);
    }

    /// <inheritdoc/>
    public int VocabularySize => _tokens.Count;

    /// <inheritdoc/>
    public int? EndOfTextId { get; }

    /// <inheritdoc/>
    public int? BeginningOfTextId { get; }

    /// <inheritdoc/>
    public bool AddsBeginningOfText => Rules.AddsBeginningOfText;

    /// <inheritdoc/>
    public IReadOnlyList<int> EndIds { get; }

    /// <inheritdoc/>
    public string? ChatTemplate => Rules.ChatTemplate;

    /// <summary>The id for a byte that has no token, or <see langword="null"/>.</summary>
    public int? UnknownId { get; }

    /// <summary>Pairs of ids that become one token, in merge order.</summary>
    public IReadOnlyList<(int Left, int Right)> Merges { get; }

    /// <summary>The special ids.</summary>
    public IReadOnlyList<int> SpecialIds => [.. _added.All.Where(token => token.IsSpecial).Select(token => token.Id)];

    /// <summary>The tokens that are recognized as a whole, special or not.</summary>
    internal IReadOnlyList<AddedToken> Added => _added.All;

    /// <summary>Ids that text is never encoded to, apart from added tokens and bytes.</summary>
    internal IReadOnlyList<int> HiddenIds { get; }

    /// <summary>What is done besides merging.</summary>
    internal TokenizerRules Rules { get; }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">
    /// The text has a byte without a token, and there is no <see cref="UnknownId"/>.
    /// </exception>
    public int[] Encode(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized) =>
        IdBuffer.Encode(this, text, specialTokens);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">As for <see cref="Encode(ReadOnlySpan{char}, SpecialTokens)"/>.</exception>
    public int Count(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized) =>
        IdBuffer.CountOf(this, text, specialTokens);

    /// <inheritdoc/>
    /// <remarks>The space that some vocabularies put before a text is not part of it.</remarks>
    public string Decode(ReadOnlySpan<int> ids)
    {
        TokenIds.Validate(ids, VocabularySize, nameof(ids));
        var bytes = new ArrayBufferWriter<byte>();
        foreach (int id in ids) bytes.Write(_tokens[id]);
        var text = bytes.WrittenSpan;
        return Encoding.UTF8.GetString(Rules.DropsFirstSpace && text is [(byte)' ', ..] ? text[1..] : text);
    }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> TokenBytes(int id)
    {
        TokenIds.Validate([id], VocabularySize, nameof(id));
        return _tokens.Memory(id);
    }

    /// <inheritdoc/>
    public int ByteCount(int id) => TokenBytes(id).Length;

    /// <inheritdoc/>
    public ITokenStreamDecoder CreateStreamDecoder() => new ByteStreamDecoder(TokenBytes, Rules.DropsFirstSpace);

    private static AddedToken[] AddedOf(IReadOnlyList<byte[]> tokens, IReadOnlyList<int> specialIds)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(specialIds);
        TokenIds.Validate([.. specialIds], tokens.Count, nameof(specialIds));
        return [.. specialIds.Distinct().Select(id => new AddedToken(id, Encoding.UTF8.GetString(tokens[id])))];
    }

    private static TokenTable TableOf(IReadOnlyList<byte[]> tokens, HashSet<int> hidden)
    {
        for (int id = 0; id < tokens.Count; id++)
        {
            if (tokens[id].Length == 0) throw new ArgumentException($"Token {id} is empty.", nameof(tokens));
        }

        var table = TokenTable.Of(tokens);
        for (int id = 0; id < tokens.Count; id++)
        {
            if (hidden.Contains(id)) continue;
            if (table.Find(table[id]) is >= 0 and int same)
            {
                throw new ArgumentException($"Tokens {same} and {id} are the same.", nameof(tokens));
            }

            table.Add(id);
        }

        return table;
    }

    private int[] Merged(IReadOnlyList<(int Left, int Right)> merges)
    {
        var added = new Dictionary<byte[], int>(ByteStringComparer.Instance);
        foreach (var token in _added.All) added.TryAdd(_tokens[token.Id].ToArray(), token.Id);
        int[] merged = new int[merges.Count];
        for (int rank = 0; rank < merged.Length; rank++)
        {
            var (left, right) = merges[rank];
            TokenIds.Validate([left, right], _tokens.Count, nameof(merges));
            byte[] both = [.. _tokens[left], .. _tokens[right]];
            merged[rank] = _tokens.Find(both) is >= 0 and int id || added.TryGetValue(both, out id)
                ? id
                : throw new ArgumentException(
                    $"Merge {rank} joins the ids {left} and {right}, which together are not a token.", nameof(merges));
        }

        return merged;
    }

    // Any two neighbors merge if together they are a token.
    private List<(int Left, int Right, int Id, int Rank)> ScoredMerges(IReadOnlyList<float> scores)
    {
        float[] distinct = [.. scores.Distinct().Order()];
        var pairs = new List<(int Left, int Right, int Id, int Rank)>();
        for (int id = 0; id < _tokens.Count; id++)
        {
            var token = _tokens[id];
            if (token.Length > LongestScored || _tokens.Find(token) != id) continue;
            int rank = distinct.Length - 1 - Array.BinarySearch(distinct, scores[id]);
            for (int middle = 1; middle < token.Length; middle++)
            {
                if ((token[middle] & 0xC0) == 0x80) continue; // inside a character
                int left = _tokens.Find(token[..middle]), right = left < 0 ? -1 : _tokens.Find(token[middle..]);
                if (right >= 0) pairs.Add((left, right, id, rank));
            }
        }

        pairs.Sort((a, b) => (a.Rank, a.Left, a.Right).CompareTo((b.Rank, b.Left, b.Right)));
        return pairs;
    }

    private void FindCharactersBeforeSpaces(HashSet<int> hidden)
    {
        for (int id = 0; id < _tokens.Count; id++)
        {
            var token = _tokens[id];
            if (hidden.Contains(id) || !token.TrimStart((byte)' ').Contains((byte)' ')) continue;
            string text = Encoding.UTF8.GetString(token);
            for (int i = 1; i < text.Length; i++)
            {
                if (text[i] == ' ' && text[i - 1] != ' ') _beforeSpace.Add(text[i - 1]);
            }
        }
    }

    int[] ITextTokenizer.Encode(ReadOnlySpan<char> text, SpecialTokens specialTokens, CancellationToken cancellationToken) =>
        IdBuffer.Encode(this, text, specialTokens, cancellationToken);

    int[] ITextTokenizer.Encode(
        ReadOnlySpan<char> text, SpecialTokens specialTokens, TextStart start, CancellationToken cancellationToken) =>
        IdBuffer.Encode(this, text, specialTokens, cancellationToken, start);

    void IIdWriter.Write(ReadOnlySpan<char> text, SpecialTokens specialTokens, ref IdBuffer ids)
    {
        Check.Defined(specialTokens, nameof(specialTokens));
        text = WellFormedText.Of(text);
        bool isFirst = ids.Start == TextStart.Beginning, isAfterToken = ids.Start != TextStart.AfterText;
        for (int start = 0; ;)
        {
            int id = _added.Find(text, start, specialTokens, out int at, out int end);
            if (at > start) EncodeOrdinary(text[start..at], isFirst, isAfterToken, ref ids);
            if (id < 0) return;
            ids.Add(id);
            (start, isFirst, isAfterToken) = (end, false, true);
        }
    }

    private void EncodeOrdinary(ReadOnlySpan<char> text, bool isFirst, bool isAfterToken, ref IdBuffer ids)
    {
        text = Rules.Prepare(text, isFirst, isAfterToken);
        Span<byte> bytes = stackalloc byte[3 * ShortPiece]; // a character takes up to 3 bytes, and a surrogate pair 4
        var splitter = new TextSplitter(Rules.Split);
        for (int start = 0, end; start < text.Length; start = end)
        {
            ids.CancellationToken.ThrowIfCancellationRequested();
            end = splitter.PieceEnd(text, start);
            while (_beforeSpace.Count > 0 && end < text.Length && _beforeSpace.Contains(text[end - 1]))
            {
                end = splitter.PieceEnd(text, end);
            }

            EncodePiece(text[start..end], bytes, ref ids);
        }
    }

    private void EncodePiece(ReadOnlySpan<char> piece, scoped Span<byte> buffer, ref IdBuffer ids)
    {
        byte[]? rented = piece.Length <= ShortPiece ? null : ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(piece.Length));
        scoped Span<byte> bytes = rented ?? buffer;
        bytes = bytes[..Encoding.UTF8.GetBytes(piece, bytes)];
        int id = _tokens.Find(bytes);
        if (id >= 0 && (Rules.IgnoresMerges || MergesToItself(id))) ids.Add(id); // nine pieces out of ten
        else if (bytes.Length <= LongestCached) MergeCached(bytes, ref ids);
        else
        {
            int[] symbols = ArrayPool<int>.Shared.Rent(bytes.Length);
            int count = Merge(bytes, symbols, ids.CancellationToken);
            foreach (int symbol in symbols.AsSpan(0, count)) ids.Add(symbol);
            ArrayPool<int>.Shared.Return(symbols);
        }

        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
    }

    private void MergeCached(scoped ReadOnlySpan<byte> piece, ref IdBuffer ids)
    {
        ref var place = ref _merged[TokenTable.Hash(piece) % CacheSize];
        var merged = place; // another thread may replace it meanwhile
        if (merged is null || !piece.SequenceEqual(merged.Piece))
        {
            Span<int> symbols = stackalloc int[LongestCached];
            int count = Merge(piece, symbols, ids.CancellationToken);
            place = merged = new(piece.ToArray(), symbols[..count].ToArray());
        }

        foreach (int id in merged.Ids) ids.Add(id);
    }

    // Not every token results from merging its own bytes: another merge inside it may come first.
    private bool MergesToItself(int id)
    {
        if (_merging[id] == 0)
        {
            int[] symbols = ArrayPool<int>.Shared.Rent(_tokens[id].Length);
            _merging[id] = (byte)(Merge(_tokens[id], symbols, CancellationToken.None) == 1 && symbols[0] == id ? 1 : 2);
            ArrayPool<int>.Shared.Return(symbols);
        }

        return _merging[id] == 1;
    }

    private int Merge(ReadOnlySpan<byte> bytes, Span<int> symbols, CancellationToken cancellationToken)
    {
        int count = 0;
        for (int at = 0, length; at < bytes.Length; at += length)
        {
            length = 1;
            if (Rules.MergesCharacters)
            {
                Rune.DecodeFromUtf8(bytes[at..], out _, out length);
                if (_tokens.Find(bytes.Slice(at, length)) is >= 0 and int id)
                {
                    symbols[count++] = id;
                    continue;
                }
            }

            int written = count;
            for (int i = 0; i < length && _byteIds[bytes[at + i]] >= 0; i++) symbols[count++] = _byteIds[bytes[at + i]];
            if (count - written == length) continue;
            count = written;
            int unknown = UnknownId ?? throw Unknown(bytes, at, length);
            if (!Rules.FusesUnknown || count == 0 || symbols[count - 1] != unknown) symbols[count++] = unknown;
        }

        return _merges.Merge(symbols[..count], cancellationToken);
    }

    private ArgumentException Unknown(ReadOnlySpan<byte> piece, int at, int length)
    {
        string text = Encoding.UTF8.GetString(piece);
        return new(
            Rules.MergesCharacters
                ? $"The text contains '{text}', whose character '{Encoding.UTF8.GetString(piece.Slice(at, length))}' is not a token of "
                    + "this vocabulary."
                : $"The text contains '{text}', whose byte 0x{piece[at]:X2} is not a token of this vocabulary.",
            nameof(text));
    }

    private sealed record MergedPiece(byte[] Piece, int[] Ids);

    /// <summary>The character with which SentencePiece's vocabularies spell a space.</summary>
    internal const char SpelledSpace = '\u2581';
}
