using System.Buffers;
using System.Text;
using MLNet.Gpt.Data;

namespace MLNet.Gpt.Tokenization;

/// <summary>
/// GPT-2's byte-level BPE tokenizer: 50,257 ids, of which the last, 50256, ends a document. Every text can be encoded, and
/// decodes to itself; a surrogate without its other half, which no UTF-8 can hold, becomes U+FFFD.
/// </summary>
/// <remarks>
/// The ids are those of OpenAI's <c>tiktoken</c> (encodings <c>gpt2</c> and <c>r50k_base</c>). Its vocabulary is part of this
/// library. Time grows in proportion to the text, or n log n inside an unbroken run of n characters of one kind.
/// Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), section 2.2.
/// </remarks>
public sealed class Gpt2Tokenizer : ITextTokenizer
{
    private readonly Gpt2Vocabulary _vocabulary = Gpt2Vocabulary.Shared;

    private Gpt2Tokenizer()
    {
    }

    /// <summary>The one tokenizer. Its tables, about 1 MB, are read on first use.</summary>
    public static Gpt2Tokenizer Instance { get; } = new();

    /// <inheritdoc/>
    /// <value>50257.</value>
    public int VocabularySize => Gpt2Vocabulary.Size;

    /// <inheritdoc/>
    /// <value>50256, spelt <c>&lt;|endoftext|&gt;</c>.</value>
    public int? EndOfTextId => Gpt2Vocabulary.EndOfTextId;

    /// <inheritdoc/>
    public int[] Encode(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized)
    {
        var ids = IdBuffer.Keeping(expected: (text.Length / 4) + 16);
        Encode(text, specialTokens, ref ids);
        return ids.Detach();
    }

    /// <inheritdoc/>
    public int Count(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized)
    {
        IdBuffer ids = default;
        Encode(text, specialTokens, ref ids);
        return ids.Count;
    }

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

    /// <summary>The UTF-8 bytes that a token stands for: not always whole characters.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    public ReadOnlyMemory<byte> TokenBytes(int id)
    {
        TokenIds.Validate([id], VocabularySize, nameof(id));
        return _vocabulary.Memory(id);
    }

    /// <inheritdoc/>
    public int ByteCount(int id) => TokenBytes(id).Length;

    /// <inheritdoc/>
    public ITokenStreamDecoder CreateStreamDecoder() => new ByteStreamDecoder(TokenBytes);

    private void Encode(ReadOnlySpan<char> text, SpecialTokens specialTokens, ref IdBuffer ids)
    {
        byte[] rented = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetByteCount(text));
        var bytes = rented.AsSpan(0, Encoding.UTF8.GetBytes(text, rented));
        if (specialTokens == SpecialTokens.Recognized)
        {
            for (int special; (special = bytes.IndexOf(Gpt2Vocabulary.EndOfText)) >= 0;)
            {
                EncodeOrdinary(bytes[..special], ref ids);
                ids.Add(Gpt2Vocabulary.EndOfTextId);
                bytes = bytes[(special + Gpt2Vocabulary.EndOfText.Length)..];
            }
        }

        EncodeOrdinary(bytes, ref ids);
        ArrayPool<byte>.Shared.Return(rented);
    }

    private void EncodeOrdinary(ReadOnlySpan<byte> text, ref IdBuffer ids)
    {
        for (int start = 0, end; start < text.Length; start = end)
        {
            end = Gpt2Splitter.PieceEnd(text, start);
            var piece = text[start..end];
            int id = _vocabulary.Find(piece);
            if (id >= 0) ids.Add(id);
            else BytePairMerger.Encode(_vocabulary, piece, ref ids);
        }
    }
}
