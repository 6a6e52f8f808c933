using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Formats.Metadata;

/// <summary>A byte-level BPE vocabulary as files spell it, and the tokenizer that it makes.</summary>
/// <param name="Path">The file, for messages.</param>
/// <param name="Tokens">The spelling of each id.</param>
/// <param name="Merges">Lines of two spellings with a blank between.</param>
/// <param name="SpecialIds">Ids that are spelled as they are, not in the alphabet of bytes.</param>
internal sealed record BytePairVocabulary(
    string Path, IReadOnlyList<string> Tokens, IReadOnlyList<(string Left, string Right)> Merges, IReadOnlyList<int> SpecialIds)
{
    // Of GPT-2's merges, as pairs of ids of 32 bits: with the same tokens and merges a vocabulary is GPT-2's.
    private const string Gpt2MergesHash = "929E84B3BE32EA1E3D811C85CA1885E5A368515CFEC3DBDDC8F5EFA7D161A04B";

    /// <summary>The id that ends a document.</summary>
    public int? EndOfTextId { get; init; }

    /// <summary>The id that begins a document, where it is another.</summary>
    public int? BeginningOfTextId { get; init; }

    /// <summary>The id for bytes without a token.</summary>
    public int? UnknownId { get; init; }

    /// <summary>The two spellings of a merge.</summary>
    public static (string Left, string Right) Merge(string path, string line)
    {
        int blank = line.IndexOf(' ', StringComparison.Ordinal);
        return blank > 0 && blank == line.LastIndexOf(' ') && blank < line.Length - 1
            ? (line[..blank], line[(blank + 1)..])
            : throw new InvalidDataException($"'{path}' holds '{line}' where two tokens with a blank between belong.");
    }

    /// <summary>GPT-2's own tokenizer where the vocabulary is GPT-2's, otherwise one made of it.</summary>
    /// <exception cref="InvalidDataException">The vocabulary contradicts itself.</exception>
    public ITextTokenizer ToTokenizer()
    {
        var special = SpecialIds.ToHashSet();
        var ids = new Dictionary<string, int>(Tokens.Count, StringComparer.Ordinal);
        byte[][] tokens = new byte[Tokens.Count][];
        for (int id = 0; id < tokens.Length; id++)
        {
            if (!ids.TryAdd(Tokens[id], id)) throw Invalid($"the token '{Tokens[id]}' is there twice.");
            tokens[id] = special.Contains(id)
                ? Encoding.UTF8.GetBytes(Tokens[id])
                : ByteAlphabet.Read(Tokens[id]) ?? throw Invalid($"the token '{Tokens[id]}' is not spelt in the alphabet of bytes.");
        }

        var merges = new (int Left, int Right)[Merges.Count];
        for (int rank = 0; rank < merges.Length; rank++) merges[rank] = (Find(Merges[rank].Left), Find(Merges[rank].Right));
        if (EndsAsGpt2() && IsGpt2(tokens, merges, special)) return Gpt2Tokenizer.Instance;
        try
        {
            return new BytePairTokenizer(tokens, merges, SpecialIds, EndOfTextId, UnknownId, BeginningOfTextId);
        }
        catch (ArgumentException error)
        {
            throw new InvalidDataException($"'{Path}' holds no usable vocabulary: {error.Message}", error);
        }

        int Find(string token) => ids.TryGetValue(token, out int id) ? id : throw Invalid($"it merges '{token}', which is no token.");
    }

    private bool EndsAsGpt2() => (EndOfTextId ?? Gpt2Vocabulary.EndOfTextId) == Gpt2Vocabulary.EndOfTextId
        && (BeginningOfTextId ?? Gpt2Vocabulary.EndOfTextId) == Gpt2Vocabulary.EndOfTextId;

    private static bool IsGpt2(byte[][] tokens, (int Left, int Right)[] merges, HashSet<int> special)
    {
        if (tokens.Length != Gpt2Vocabulary.Size || !special.SetEquals([Gpt2Vocabulary.EndOfTextId])) return false;
        for (int id = 0; id < tokens.Length; id++)
        {
            if (!Gpt2Vocabulary.Shared[id].SequenceEqual(tokens[id])) return false;
        }

        byte[] pairs = new byte[8 * merges.Length];
        for (int rank = 0; rank < merges.Length; rank++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(pairs.AsSpan(8 * rank), merges[rank].Left);
            BinaryPrimitives.WriteInt32LittleEndian(pairs.AsSpan((8 * rank) + 4), merges[rank].Right);
        }

        return Convert.ToHexString(SHA256.HashData(pairs)) == Gpt2MergesHash;
    }

    private InvalidDataException Invalid(string problem) => new($"'{Path}' holds no usable vocabulary: {problem}");
}

/// <summary>A byte-level BPE vocabulary as other programs' files spell it.</summary>
/// <param name="Tokens">The spelling of each id: special tokens as they are, the others in the alphabet of bytes.</param>
/// <param name="Merges">Pairs of ids that become one token, those merged first in front.</param>
/// <param name="SpecialIds">Ids that are recognized whole, in order.</param>
/// <param name="EndOfTextId">The id that ends a document, if any.</param>
/// <param name="BeginningOfTextId">The id that begins a document, if any.</param>
/// <param name="UnknownId">The id for bytes without a token, if any.</param>
internal sealed record SpelledVocabulary(
    IReadOnlyList<string> Tokens,
    IReadOnlyList<(int Left, int Right)> Merges,
    IReadOnlyList<int> SpecialIds,
    int? EndOfTextId,
    int? BeginningOfTextId,
    int? UnknownId)
{
    /// <summary>The merges as lines of two tokens with a blank between.</summary>
    public IEnumerable<string> MergeLines => Merges.Select(merge => $"{Tokens[merge.Left]} {Tokens[merge.Right]}");

    /// <summary>The spelling of the token that ends a document, if any.</summary>
    public string? EndOfText => EndOfTextId is { } id ? Tokens[id] : null;

    /// <summary>The spelling of the token that begins a document, if any.</summary>
    public string? BeginningOfText => BeginningOfTextId is { } id ? Tokens[id] : null;

    /// <summary>The spelling of the token for unknown bytes, if any.</summary>
    public string? Unknown => UnknownId is { } id ? Tokens[id] : null;

    /// <summary>The vocabulary of a tokenizer, or <see langword="null"/> if it is none of byte-level BPE.</summary>
    public static SpelledVocabulary? Of(ITextTokenizer tokenizer) => FittedTokenizer.Original(tokenizer) switch
    {
        Gpt2Tokenizer gpt2 => new(
            Spell(gpt2.VocabularySize, [Gpt2Vocabulary.EndOfTextId], gpt2.TokenBytes),
            Gpt2Merges.All,
            [Gpt2Vocabulary.EndOfTextId],
            gpt2.EndOfTextId,
            gpt2.BeginningOfTextId,
            null),
        BytePairTokenizer pairs => new(
            Spell(pairs.VocabularySize, pairs.SpecialIds, pairs.TokenBytes),
            pairs.Merges,
            pairs.SpecialIds,
            pairs.EndOfTextId,
            pairs.BeginningOfTextId,
            pairs.UnknownId),
        _ => null,
    };

    private static string[] Spell(int count, IReadOnlyList<int> specialIds, Func<int, ReadOnlyMemory<byte>> bytesOf)
    {
        var special = specialIds.ToHashSet();
        return [
            .. Enumerable.Range(0, count)
                .Select(id => special.Contains(id) ? Encoding.UTF8.GetString(bytesOf(id).Span) : ByteAlphabet.Write(bytesOf(id).Span))
        ];
    }
}
