using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Formats.Metadata;

/// <summary>A byte-level BPE vocabulary as spelled in files, and the tokenizer that it defines.</summary>
/// <param name="Path">The file, for messages.</param>
/// <param name="Tokens">The spelling of each id.</param>
/// <param name="Merges">Lines of two spellings, separated by a space.</param>
/// <param name="SpecialIds">Ids that are spelled literally, not in the byte alphabet.</param>
internal sealed record BytePairVocabulary(
    string Path, IReadOnlyList<string> Tokens, IReadOnlyList<(string Left, string Right)> Merges, IReadOnlyList<int> SpecialIds)
{
    // The hash of GPT-2's merges, as pairs of 32-bit ids: a vocabulary with the same tokens and merges is GPT-2's.
    private const string Gpt2MergesHash = "929E84B3BE32EA1E3D811C85CA1885E5A368515CFEC3DBDDC8F5EFA7D161A04B";

    /// <summary>The id that ends a document.</summary>
    public int? EndOfTextId { get; init; }

    /// <summary>The id that begins a document, if it is a different one.</summary>
    public int? BeginningOfTextId { get; init; }

    /// <summary>The id for bytes without a token.</summary>
    public int? UnknownId { get; init; }

    /// <summary>The two spellings of a merge.</summary>
    public static (string Left, string Right) Merge(string path, string line)
    {
        int blank = line.IndexOf(' ', StringComparison.Ordinal);
        return blank > 0 && blank == line.LastIndexOf(' ') && blank < line.Length - 1
            ? (line[..blank], line[(blank + 1)..])
            : throw new InvalidDataException($"'{path}' contains '{line}' instead of two tokens separated by a space.");
    }

    /// <summary>Returns GPT-2's own tokenizer if the vocabulary is GPT-2's, otherwise one created from it.</summary>
    /// <exception cref="InvalidDataException">The vocabulary is inconsistent.</exception>
    public ITextTokenizer ToTokenizer()
    {
        var special = SpecialIds.ToHashSet();
        var ids = new Dictionary<string, int>(Tokens.Count, StringComparer.Ordinal);
        byte[][] tokens = new byte[Tokens.Count][];
        for (int id = 0; id < tokens.Length; id++)
        {
            if (!ids.TryAdd(Tokens[id], id)) throw Invalid($"the token '{Tokens[id]}' occurs twice.");
            tokens[id] = special.Contains(id)
                ? Encoding.UTF8.GetBytes(Tokens[id])
                : ByteAlphabet.Read(Tokens[id]) ?? throw Invalid($"the token '{Tokens[id]}' is not spelled in the byte alphabet.");
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
            throw new InvalidDataException($"'{Path}' does not contain a usable vocabulary: {error.Message}", error);
        }

        int Find(string token) => ids.TryGetValue(token, out int id) ? id : throw Invalid($"it merges '{token}', which is not a token.");
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

    private InvalidDataException Invalid(string problem) => new($"'{Path}' does not contain a usable vocabulary: {problem}");
}

/// <summary>A byte-level BPE vocabulary as spelled in other programs' files.</summary>
/// <param name="Tokens">The spelling of each id: special tokens literally, the others in the byte alphabet.</param>
/// <param name="Merges">Pairs of ids that become one token, in merge order.</param>
/// <param name="SpecialIds">Ids that are recognized as a whole, in order.</param>
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
    /// <summary>The merges as lines of two tokens, separated by a space.</summary>
    public IEnumerable<string> MergeLines => Merges.Select(merge => $"{Tokens[merge.Left]} {Tokens[merge.Right]}");

    /// <summary>The spelling of the token that ends a document, if any.</summary>
    public string? EndOfText => EndOfTextId is { } id ? Tokens[id] : null;

    /// <summary>The spelling of the token that begins a document, if any.</summary>
    public string? BeginningOfText => BeginningOfTextId is { } id ? Tokens[id] : null;

    /// <summary>The spelling of the token for unknown bytes, if any.</summary>
    public string? Unknown => UnknownId is { } id ? Tokens[id] : null;

    /// <summary>Returns the vocabulary of a tokenizer, or <see langword="null"/> if it is not byte-level BPE.</summary>
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
