using System.Text;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Formats.Exporting;

/// <summary>A byte-level BPE vocabulary as other programs' files spell it.</summary>
/// <param name="Tokens">The spelling of each id: special tokens as they are, the others in the alphabet of bytes.</param>
/// <param name="Merges">Pairs of ids that become one token, those merged first in front.</param>
/// <param name="SpecialIds">Ids that are recognised whole, in order.</param>
/// <param name="EndOfTextId">The id that ends a document, if any.</param>
/// <param name="BeginningOfTextId">The id that begins a document, if any.</param>
/// <param name="UnknownId">The id for bytes without a token, if any.</param>
internal sealed record SpelledVocabulary(
    IReadOnlyList<string> Tokens, IReadOnlyList<(int Left, int Right)> Merges, IReadOnlyList<int> SpecialIds, int? EndOfTextId, int? BeginningOfTextId, int? UnknownId)
{
    /// <summary>The merges as lines of two tokens with a blank between.</summary>
    public IEnumerable<string> MergeLines => Merges.Select(merge => $"{Tokens[merge.Left]} {Tokens[merge.Right]}");

    /// <summary>The spelling of the token that ends a document, if any.</summary>
    public string? EndOfText => EndOfTextId is { } id ? Tokens[id] : null;

    /// <summary>The spelling of the token that begins a document, if any.</summary>
    public string? BeginningOfText => BeginningOfTextId is { } id ? Tokens[id] : null;

    /// <summary>The spelling of the token for unknown bytes, if any.</summary>
    public string? Unknown => UnknownId is { } id ? Tokens[id] : null;

    /// <summary>The vocabulary of a tokenizer, or <see langword="null"/> where it is none of byte-level BPE.</summary>
    public static SpelledVocabulary? Of(ITextTokenizer tokenizer) => FittedTokenizer.Original(tokenizer) switch
    {
        Gpt2Tokenizer gpt2 => new(
            Spell(gpt2.VocabularySize, [Gpt2Vocabulary.EndOfTextId], gpt2.TokenBytes), Gpt2Merges.All, [Gpt2Vocabulary.EndOfTextId], gpt2.EndOfTextId, gpt2.BeginningOfTextId, null),
        BytePairTokenizer pairs => new(
            Spell(pairs.VocabularySize, pairs.SpecialIds, pairs.TokenBytes), pairs.Merges, pairs.SpecialIds, pairs.EndOfTextId, pairs.BeginningOfTextId, pairs.UnknownId),
        _ => null,
    };

    private static string[] Spell(int count, IReadOnlyList<int> specialIds, Func<int, ReadOnlyMemory<byte>> bytesOf)
    {
        var special = specialIds.ToHashSet();
        return [.. Enumerable.Range(0, count).Select(id => special.Contains(id) ? Encoding.UTF8.GetString(bytesOf(id).Span) : ByteAlphabet.Write(bytesOf(id).Span))];
    }
}
