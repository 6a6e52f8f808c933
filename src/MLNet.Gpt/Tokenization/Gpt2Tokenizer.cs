using System.Buffers;
using System.Text;
using Microsoft.ML.Tokenizers;
using MLNet.Gpt.Data;

namespace MLNet.Gpt.Tokenization;

/// <summary>GPT-2's byte-level BPE tokenizer: 50,257 ids, the last of which ends a document. Any text can be encoded.</summary>
public sealed class Gpt2Tokenizer : ITextTokenizer
{
    private static readonly Lazy<Gpt2Tokenizer> Lazy = new(() => new Gpt2Tokenizer());

    private readonly Lazy<TiktokenTokenizer> _pieces = new(() =>
    {
        using var lines = new MemoryStream(Gpt2Ranks.ReadResource());
        return TiktokenTokenizer.Create(lines, new RegexPreTokenizer(new System.Text.RegularExpressions.Regex(
            @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"), null), normalizer: null);
    });

    private Gpt2Tokenizer()
    {
    }

    /// <summary>The one tokenizer; its tables are read when first used.</summary>
    public static Gpt2Tokenizer Instance => Lazy.Value;

    /// <inheritdoc/>
    public int VocabularySize => Gpt2Ranks.TokenCount;

    /// <inheritdoc/>
    public int? EndOfTextId => Gpt2Ranks.EndOfTextId;

    /// <inheritdoc/>
    public int[] Encode(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized)
    {
        var ids = new List<int>();
        int special;
        while (specialTokens == SpecialTokens.Recognized && (special = text.IndexOf(Gpt2Ranks.EndOfText)) >= 0)
        {
            ids.AddRange(_pieces.Value.EncodeToIds(text[..special]));
            ids.Add(Gpt2Ranks.EndOfTextId);
            text = text[(special + Gpt2Ranks.EndOfText.Length)..];
        }

        ids.AddRange(_pieces.Value.EncodeToIds(text));
        return [.. ids];
    }

    /// <inheritdoc/>
    public int Count(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized)
    {
        int count = 0, special;
        while (specialTokens == SpecialTokens.Recognized && (special = text.IndexOf(Gpt2Ranks.EndOfText)) >= 0)
        {
            count += _pieces.Value.CountTokens(text[..special]) + 1;
            text = text[(special + Gpt2Ranks.EndOfText.Length)..];
        }

        return count + _pieces.Value.CountTokens(text);
    }

    /// <inheritdoc/>
    public string Decode(ReadOnlySpan<int> ids)
    {
        TokenIds.Validate(ids, VocabularySize, nameof(ids));
        var ranks = Gpt2Ranks.Shared;
        int length = 0;
        foreach (int id in ids) length = checked(length + ranks[id].Length);

        byte[] bytes = ArrayPool<byte>.Shared.Rent(length);
        int end = 0;
        foreach (int id in ids)
        {
            ranks[id].Span.CopyTo(bytes.AsSpan(end));
            end += ranks[id].Length;
        }

        string text = Encoding.UTF8.GetString(bytes, 0, end);
        ArrayPool<byte>.Shared.Return(bytes);
        return text;
    }

    /// <summary>The UTF-8 bytes that a token stands for; not always whole characters.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    public ReadOnlyMemory<byte> TokenBytes(int id)
    {
        TokenIds.Validate([id], VocabularySize, nameof(id));
        return Gpt2Ranks.Shared[id];
    }

    /// <inheritdoc/>
    public ITokenStreamDecoder CreateStreamDecoder() => new ByteStreamDecoder(TokenBytes);
}
