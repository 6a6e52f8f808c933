using System.Buffers;
using System.Text;
using Microsoft.ML.Tokenizers;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>
/// GPT-2's byte-level BPE tokenizer: 50,257 ids, of which the last, 50256, ends a document. Every text can be encoded
/// and decodes to itself, except that unpaired surrogates, which UTF-8 cannot represent, become U+FFFD.
/// </summary>
/// <remarks>
/// The ids are those of OpenAI's <c>tiktoken</c> (encodings <c>gpt2</c> and <c>r50k_base</c>). The vocabulary is part
/// of this library; the merging is done by <see cref="TiktokenTokenizer"/>. Time grows in proportion to the text, or n
/// log n inside an unbroken run of n characters of one kind. Source: Radford et al., "Language Models are Unsupervised
/// Multitask Learners" (2019), section 2.2.
/// </remarks>
public sealed class Gpt2Tokenizer : ITextTokenizer, IIdWriter
{
    // Characters per piece up to which ML.NET's tokenizer merges; it also caches short pieces. Its time grows with the
    // square of the length: up to this length it is the faster of the two (170 µs per 1,000 characters; ours takes 200
    // at any length), at twice the length it is slower, and at 500 characters it takes 500 µs.
    private const int LongPiece = 64;

    private readonly Gpt2Vocabulary _vocabulary = Gpt2Vocabulary.Shared;
    private readonly Lazy<TiktokenTokenizer> _merges = new(CreateMerges);

    private Gpt2Tokenizer()
    {
    }

    /// <summary>The only instance. Its tables are read on first use.</summary>
    public static Gpt2Tokenizer Instance { get; } = new();

    /// <inheritdoc/>
    /// <value>50257.</value>
    public int VocabularySize => Gpt2Vocabulary.Size;

    /// <inheritdoc/>
    /// <value>50256, spelled <c>&lt;|endoftext|&gt;</c>.</value>
    public int? EndOfTextId => Gpt2Vocabulary.EndOfTextId;

    /// <inheritdoc/>
    /// <value>50256, as <see cref="EndOfTextId"/>.</value>
    public int? BeginningOfTextId => Gpt2Vocabulary.EndOfTextId;

    /// <inheritdoc/>
    public int[] Encode(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized) =>
        IdBuffer.Encode(this, text, specialTokens);

    /// <inheritdoc/>
    public int Count(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized) =>
        IdBuffer.CountOf(this, text, specialTokens);

    /// <inheritdoc/>
    public string Decode(ReadOnlySpan<int> ids)
    {
        TokenIds.Validate(ids, VocabularySize, nameof(ids));
        int length = 0;
        foreach (int id in ids) length = checked(length + _vocabulary[id].Length);

        byte[] bytes = ArrayPool<byte>.Shared.Rent(length);
        var rest = bytes.AsSpan(0, length);
        foreach (int id in ids)
        {
            var token = _vocabulary[id];
            token.CopyTo(rest);
            rest = rest[token.Length..];
        }

        string text = Encoding.UTF8.GetString(bytes, 0, length);
        ArrayPool<byte>.Shared.Return(bytes);
        return text;
    }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> TokenBytes(int id)
    {
        TokenIds.Validate([id], VocabularySize, nameof(id));
        return _vocabulary.Memory(id);
    }

    /// <inheritdoc/>
    public int ByteCount(int id) => TokenBytes(id).Length;

    /// <inheritdoc/>
    public ITokenStreamDecoder CreateStreamDecoder() => new ByteStreamDecoder(TokenBytes);

    // Pieces are already split when they get here, so no pre-tokenizer and no special tokens are needed.
    private static TiktokenTokenizer CreateMerges()
    {
        using var ranks = Gpt2Vocabulary.Shared.OpenRanks();
        return TiktokenTokenizer.Create(ranks, preTokenizer: null, normalizer: null);
    }

    int[] ITextTokenizer.Encode(ReadOnlySpan<char> text, SpecialTokens specialTokens, CancellationToken cancellationToken) =>
        IdBuffer.Encode(this, text, specialTokens, cancellationToken);

    void IIdWriter.Write(ReadOnlySpan<char> text, SpecialTokens specialTokens, ref IdBuffer ids)
    {
        Check.Defined(specialTokens, nameof(specialTokens));
        text = WellFormedText.Of(text);
        if (specialTokens == SpecialTokens.Recognized)
        {
            for (int special; (special = text.IndexOf(Gpt2Vocabulary.EndOfText)) >= 0;)
            {
                EncodeOrdinary(text[..special], ref ids);
                ids.Add(Gpt2Vocabulary.EndOfTextId);
                text = text[(special + Gpt2Vocabulary.EndOfText.Length)..];
            }
        }

        EncodeOrdinary(text, ref ids);
    }

    private void EncodeOrdinary(ReadOnlySpan<char> text, ref IdBuffer ids)
    {
        Span<byte> bytes = stackalloc byte[3 * Gpt2Vocabulary.LongestToken]; // a character takes up to 3 bytes, and a surrogate pair 4
        for (int start = 0, end; start < text.Length; start = end)
        {
            ids.CancellationToken.ThrowIfCancellationRequested();
            end = TextSplitter.Gpt2End(text, start);
            var piece = text[start..end];
            int id = piece.Length <= Gpt2Vocabulary.LongestToken ? _vocabulary.Find(bytes[..Encoding.UTF8.GetBytes(piece, bytes)]) : -1;
            if (id >= 0) ids.Add(id); // nine pieces out of ten have nothing to merge
            else Merge(piece, ref ids);
        }
    }

    private void Merge(ReadOnlySpan<char> piece, ref IdBuffer ids)
    {
        if (piece.Length > LongPiece) MergeLong(piece, ref ids);
        else if (ids.IsCounting)
        {
            ids.AddCount(_merges.Value.CountTokens(piece, considerPreTokenization: false, considerNormalization: false));
        }
        else ids.AddRange(_merges.Value.EncodeToIds(piece, considerPreTokenization: false, considerNormalization: false));
    }

    /// <summary>Adds the ids of a piece that has to be merged, whatever its length.</summary>
    internal void MergeLong(ReadOnlySpan<char> piece, ref IdBuffer ids)
    {
        byte[] bytes = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(piece.Length));
        int length = Encoding.UTF8.GetBytes(piece, bytes);
        int[] symbols = ArrayPool<int>.Shared.Rent(length);
        for (int i = 0; i < length; i++) symbols[i] = _vocabulary.Find(bytes.AsSpan(i, 1));
        int count = LongPieceMerger.Merge(new MergeTable(_vocabulary), symbols.AsSpan(0, length), ids.CancellationToken);
        foreach (int id in symbols.AsSpan(0, count)) ids.Add(id);
        ArrayPool<byte>.Shared.Return(bytes);
        ArrayPool<int>.Shared.Return(symbols);
    }

    // Two neighbors merge if their bytes together are a token, whose id is its rank.
    private readonly struct MergeTable(Gpt2Vocabulary vocabulary) : IMergeTable
    {
        public bool TryMerge(int left, int right, out int rank, out int id)
        {
            ReadOnlySpan<byte> first = vocabulary[left], second = vocabulary[right];
            (rank, id) = (-1, -1);
            int length = first.Length + second.Length;
            if (length > Gpt2Vocabulary.LongestToken) return false;
            Span<byte> both = stackalloc byte[Gpt2Vocabulary.LongestToken];
            first.CopyTo(both);
            second.CopyTo(both[first.Length..]);
            rank = id = vocabulary.Find(both[..length]);
            return id >= 0;
        }
    }
}
