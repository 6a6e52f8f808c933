using System.Buffers;
using System.Text;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>
/// Byte-level BPE with any vocabulary: text is split as in GPT-2, and the bytes of each piece are merged with a list.
/// For imported models whose vocabulary is not GPT-2's; for GPT-2's own vocabulary, <see cref="Gpt2Tokenizer"/> gives
/// the same ids faster.
/// </summary>
public sealed class BytePairTokenizer : ITextTokenizer, IIdWriter
{
    private readonly byte[][] _tokens;
    private readonly int[] _byteIds = new int[256];
    private readonly BytePairMerges _merges;
    private readonly (string Text, int Id)[] _specials;

    /// <summary>Creates a tokenizer.</summary>
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
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(merges);
        ArgumentNullException.ThrowIfNull(specialIds);
        _tokens = [.. tokens];
        TokenIds.Validate([.. specialIds], _tokens.Length, nameof(specialIds));
        if (endOfTextId is { } end && !specialIds.Contains(end))
        {
            throw new ArgumentException($"The end-of-text id {end} is not one of the special ids.", nameof(endOfTextId));
        }

        if (beginningOfTextId is { } beginning && !specialIds.Contains(beginning))
        {
            throw new ArgumentException($"The beginning-of-text id {beginning} is not one of the special ids.", nameof(beginningOfTextId));
        }

        if (unknownId is { } unknown) TokenIds.Validate([unknown], _tokens.Length, nameof(unknownId));

        var ids = IdsOf(_tokens, [.. specialIds]);
        _specials = [.. specialIds.Distinct()
            .Select(id => (Encoding.UTF8.GetString(_tokens[id]), id))
            .OrderByDescending(special => special.Item1.Length)];
        var byBytes = ids.GetAlternateLookup<ReadOnlySpan<byte>>();
        for (int value = 0; value < _byteIds.Length; value++)
        {
            _byteIds[value] = byBytes.TryGetValue([(byte)value], out int id) ? id : -1;
        }

        _merges = new BytePairMerges(merges, Merged(_tokens, merges, ids));
        Merges = [.. merges];
        EndOfTextId = endOfTextId;
        BeginningOfTextId = beginningOfTextId ?? endOfTextId;
        UnknownId = unknownId;
    }

    /// <inheritdoc/>
    public int VocabularySize => _tokens.Length;

    /// <inheritdoc/>
    public int? EndOfTextId { get; }

    /// <inheritdoc/>
    public int? BeginningOfTextId { get; }

    /// <summary>The id for a byte that has no token, or <see langword="null"/>.</summary>
    public int? UnknownId { get; }

    /// <summary>Pairs of ids that become one token, in merge order.</summary>
    public IReadOnlyList<(int Left, int Right)> Merges { get; }

    /// <summary>The special ids.</summary>
    public IReadOnlyList<int> SpecialIds => [.. _specials.Select(special => special.Id).Order()];

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
    public string Decode(ReadOnlySpan<int> ids)
    {
        TokenIds.Validate(ids, VocabularySize, nameof(ids));
        var bytes = new ArrayBufferWriter<byte>();
        foreach (int id in ids) bytes.Write(_tokens[id]);
        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> TokenBytes(int id)
    {
        TokenIds.Validate([id], VocabularySize, nameof(id));
        return _tokens[id];
    }

    /// <inheritdoc/>
    public int ByteCount(int id) => TokenBytes(id).Length;

    /// <inheritdoc/>
    public ITokenStreamDecoder CreateStreamDecoder() => new ByteStreamDecoder(TokenBytes);

    private static Dictionary<byte[], int> IdsOf(byte[][] tokens, HashSet<int> specialIds)
    {
        var ids = new Dictionary<byte[], int>(tokens.Length, ByteStringComparer.Instance);
        for (int id = 0; id < tokens.Length; id++)
        {
            if (tokens[id].Length == 0) throw new ArgumentException($"Token {id} is empty.", nameof(tokens));
            if (specialIds.Contains(id) || ids.TryAdd(tokens[id], id)) continue;
            throw new ArgumentException($"Tokens {ids[tokens[id]]} and {id} are the same.", nameof(tokens));
        }

        return ids;
    }

    private static int[] Merged(byte[][] tokens, IReadOnlyList<(int Left, int Right)> merges, Dictionary<byte[], int> ids)
    {
        int[] merged = new int[merges.Count];
        for (int rank = 0; rank < merged.Length; rank++)
        {
            var (left, right) = merges[rank];
            TokenIds.Validate([left, right], tokens.Length, nameof(merges));
            if (!ids.TryGetValue([.. tokens[left], .. tokens[right]], out merged[rank]))
            {
                throw new ArgumentException(
                    $"Merge {rank} joins the ids {left} and {right}, which together are not a token.", nameof(merges));
            }
        }

        return merged;
    }

    int[] ITextTokenizer.Encode(ReadOnlySpan<char> text, SpecialTokens specialTokens, CancellationToken cancellationToken) =>
        IdBuffer.Encode(this, text, specialTokens, cancellationToken);

    void IIdWriter.Write(ReadOnlySpan<char> text, SpecialTokens specialTokens, ref IdBuffer ids)
    {
        Check.Defined(specialTokens, nameof(specialTokens));
        text = WellFormedText.Of(text);
        if (specialTokens == SpecialTokens.Literal)
        {
            EncodeOrdinary(text, ref ids);
            return;
        }

        // The next position of each special token; searched for again only once it has been passed.
        int[] next = new int[_specials.Length];
        Array.Fill(next, -1);
        for (int start = 0; ;)
        {
            int first = text.Length, special = -1;
            for (int i = 0; i < next.Length; i++)
            {
                if (next[i] < start)
                {
                    next[i] = text[start..].IndexOf(_specials[i].Text) is >= 0 and int found ? start + found : int.MaxValue;
                }

                if (next[i] < first) (first, special) = (next[i], i);
            }

            EncodeOrdinary(text[start..first], ref ids);
            if (special < 0) return;
            ids.Add(_specials[special].Id);
            start = first + _specials[special].Text.Length;
        }
    }

    private void EncodeOrdinary(ReadOnlySpan<char> text, ref IdBuffer ids)
    {
        for (int start = 0, end; start < text.Length; start = end)
        {
            ids.CancellationToken.ThrowIfCancellationRequested();
            end = Gpt2Splitter.PieceEnd(text, start);
            EncodePiece(text[start..end], ref ids);
        }
    }

    private void EncodePiece(ReadOnlySpan<char> piece, ref IdBuffer ids)
    {
        byte[] bytes = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(piece.Length));
        int[] symbols = ArrayPool<int>.Shared.Rent(bytes.Length);
        int count = Encoding.UTF8.GetBytes(piece, bytes);
        for (int i = 0; i < count; i++)
        {
            symbols[i] = _byteIds[bytes[i]] is >= 0 and int id
                ? id
                : UnknownId ?? throw new ArgumentException(
                    $"The text contains '{piece}', whose byte 0x{bytes[i]:X2} is not a token of this vocabulary.", nameof(piece));
        }

        foreach (int id in symbols.AsSpan(0, _merges.Merge(symbols.AsSpan(0, count), ids.CancellationToken))) ids.Add(id);
        ArrayPool<byte>.Shared.Return(bytes);
        ArrayPool<int>.Shared.Return(symbols);
    }
}
