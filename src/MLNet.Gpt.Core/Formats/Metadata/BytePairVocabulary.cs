using System.Numerics;
using System.Text;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Formats.Metadata;

/// <summary>A BPE vocabulary as spelled in files, and the tokenizer that it defines.</summary>
/// <param name="Path">The file, for messages.</param>
/// <param name="Tokens">The spelling of each id.</param>
/// <param name="Merges">Lines of two spellings, separated by a space; none if the rules have scores.</param>
/// <param name="Added">Tokens that are recognized as a whole and spelled literally.</param>
internal sealed record BytePairVocabulary(
    string Path, IReadOnlyList<string> Tokens, IReadOnlyList<(string Left, string Right)> Merges, IReadOnlyList<AddedToken> Added)
{
    // The hash of GPT-2's merges: a vocabulary with the same tokens and merges is GPT-2's.
    private const ulong Gpt2MergesHash = 0xD8E54E01E47ADA77;

    /// <summary>The id that ends a document.</summary>
    public int? EndOfTextId { get; init; }

    /// <summary>The id that begins a document, if it is a different one.</summary>
    public int? BeginningOfTextId { get; init; }

    /// <summary>The id for bytes or characters without a token.</summary>
    public int? UnknownId { get; init; }

    /// <summary>Ids that no text is encoded to.</summary>
    public IReadOnlyList<int> HiddenIds { get; init; } = [];

    /// <summary>What is done besides merging.</summary>
    public TokenizerRules Rules { get; init; } = TokenizerRules.Gpt2;

    /// <summary>Returns how SentencePiece's vocabularies spell a byte.</summary>
    public static string SpellingOfByte(int value) => $"<0x{value:X2}>";

    /// <summary>Returns the ids of the tokens with which characters without a token are written.</summary>
    /// <exception cref="InvalidDataException">One of them is missing.</exception>
    public static int[] ByteIdsOf(string path, Dictionary<string, int> ids) =>
    [
        .. Enumerable.Range(0, 256).Select(SpellingOfByte).Select(token => ids.TryGetValue(token, out int id)
            ? id
            : throw new InvalidDataException($"'{path}' writes characters without a token as bytes, but lacks the token '{token}'."))
    ];

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
        var added = Added.Select(token => token.Id).ToHashSet();
        var hidden = HiddenIds.ToHashSet();
        var ids = new Dictionary<string, int>(Tokens.Count, StringComparer.Ordinal);
        byte[][] tokens = new byte[Tokens.Count][];
        for (int id = 0; id < tokens.Length; id++)
        {
            if (!ids.TryAdd(Tokens[id], id)) throw Invalid($"the token '{Tokens[id]}' occurs twice.");
            bool isLiteral = added.Contains(id) || hidden.Contains(id);
            tokens[id] = isLiteral && !Rules.MergesCharacters ? Encoding.UTF8.GetBytes(Tokens[id])
                : Rules.MergesCharacters ? Encoding.UTF8.GetBytes(Tokens[id].Replace(BytePairTokenizer.SpelledSpace, ' '))
                : ByteAlphabet.Read(Tokens[id]) ?? throw Invalid($"the token '{Tokens[id]}' is not spelled in the byte alphabet.");

            // Text never contains such a token, because its spaces are spelled differently.
            if (!isLiteral && Rules.MergesCharacters && Tokens[id].Contains(' ', StringComparison.Ordinal)) hidden.Add(id);
        }

        for (int value = 0; value < Rules.ByteIds?.Count; value++) tokens[Rules.ByteIds[value]] = [(byte)value];
        var merges = new (int Left, int Right)[Merges.Count];
        for (int rank = 0; rank < merges.Length; rank++) merges[rank] = (Find(Merges[rank].Left), Find(Merges[rank].Right));
        if (Rules == TokenizerRules.Gpt2 && EndsAsGpt2() && IsGpt2(tokens, merges, added)) return Gpt2Tokenizer.Instance;
        try
        {
            return new BytePairTokenizer(tokens, merges, Added, [.. hidden], EndOfTextId, UnknownId, BeginningOfTextId, Rules);
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

        return HashOf(merges) == Gpt2MergesHash;
    }

    // Tells other merges from GPT-2's, which needs no cryptography: loading it would take more memory than all of a vocabulary.
    private static ulong HashOf((int Left, int Right)[] merges)
    {
        ulong hash = (ulong)merges.Length;
        foreach (var (left, right) in merges)
        {
            hash = BitOperations.RotateLeft(hash ^ (((ulong)(uint)left << 32) | (uint)right), 29) * 0x9E3779B97F4A7C15;
        }

        return hash;
    }

    private InvalidDataException Invalid(string problem) => new($"'{Path}' does not contain a usable vocabulary: {problem}");
}

/// <summary>A BPE vocabulary as spelled in other programs' files.</summary>
/// <param name="Tokens">
/// The spelling of each id: added tokens literally, the others in the byte alphabet or as SentencePiece spells them.
/// </param>
/// <param name="Merges">Pairs of ids that become one token, in merge order.</param>
/// <param name="Added">Tokens that are recognized as a whole, in the order of their ids.</param>
/// <param name="EndOfTextId">The id that ends a document, if any.</param>
/// <param name="BeginningOfTextId">The id that begins a document, if any.</param>
/// <param name="UnknownId">The id for bytes without a token, if any.</param>
/// <param name="Rules">What is done besides merging.</param>
internal sealed record SpelledVocabulary(
    IReadOnlyList<string> Tokens,
    IReadOnlyList<(int Left, int Right)> Merges,
    IReadOnlyList<AddedToken> Added,
    int? EndOfTextId,
    int? BeginningOfTextId,
    int? UnknownId,
    TokenizerRules Rules)
{
    /// <summary>Ids that no text is encoded to.</summary>
    public IReadOnlyList<int> HiddenIds { get; private init; } = [];

    /// <summary>The merges as lines of two tokens, separated by a space.</summary>
    public IEnumerable<string> MergeLines => Merges.Select(merge => $"{Tokens[merge.Left]} {Tokens[merge.Right]}");

    /// <summary>The spelling of the token that ends a document, if any.</summary>
    public string? EndOfText => EndOfTextId is { } id ? Tokens[id] : null;

    /// <summary>The spelling of the token that begins a document, if any.</summary>
    public string? BeginningOfText => BeginningOfTextId is { } id ? Tokens[id] : null;

    /// <summary>The spelling of the token for unknown bytes, if any.</summary>
    public string? Unknown => UnknownId is { } id ? Tokens[id] : null;

    /// <summary>Throws if the merges are not in one order, because two tokens have the same score.</summary>
    public void CheckMergesAreOrdered(string parameterName)
    {
        if (Rules.Scores is not { } scores) return;
        var ids = MergingIds();
        var byScore = new Dictionary<float, string>();
        foreach (var (left, right) in Merges)
        {
            string token = Tokens[left] + Tokens[right];
            float score = scores[ids[token]];
            if (byScore.TryAdd(score, token) || byScore[score] == token) continue;
            throw new ArgumentException(
                $"The tokenizer's tokens '{byScore[score]}' and '{token}' have the same score, so their merges have no order, which a list "
                + "of merges needs.",
                parameterName);
        }
    }

    /// <summary>
    /// Returns scores by id that lead to the same merges, as SentencePiece and llama.cpp make them: of two neighbors that
    /// together are a token, with the highest score first.
    /// </summary>
    /// <exception cref="ArgumentException">The merges depend on more than the token that they make.</exception>
    public IReadOnlyList<float> ScoresOf(string parameterName)
    {
        if (Rules.Scores is { } known) return known;
        float[] scores = new float[Tokens.Count];
        var ids = MergingIds();
        foreach (var token in Added) ids.TryAdd(token.Text, token.Id); // a merge may also make such a token
        var merges = Merges.ToHashSet();
        string? last = null;
        int rank = 0;
        var scored = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (left, right) in Merges)
        {
            string token = Tokens[left] + Tokens[right];
            if (token == last) continue;
            if (!scored.Add(token)) throw Different(token);
            last = token;
            scores[ids[token]] = -rank++;
        }

        foreach (var (token, id) in MergingIds())
        {
            if (!scored.Contains(token)) scores[id] = -rank;
            for (int middle = 1; middle < token.Length; middle++)
            {
                if (!ids.TryGetValue(token[..middle], out int left) || !ids.TryGetValue(token[middle..], out int right)) continue;
                if (!merges.Contains((left, right))) throw Different(token);
            }
        }

        return scores;

        ArgumentException Different(string token) => new(
            $"The tokenizer makes the token '{token}' by some merges only, or at different times, which scores cannot express; "
            + "GGUF's tokenizers of this kind have scores.",
            parameterName);
    }

    // The tokens that merging can make or start from.
    private Dictionary<string, int> MergingIds()
    {
        HashSet<int> others = [.. Added.Select(token => token.Id), .. HiddenIds, .. Rules.ByteIds ?? []];
        if (UnknownId is { } unknown) others.Add(unknown);
        others.ExceptWith(Merges.SelectMany(merge => (int[])[merge.Left, merge.Right]));
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int id = 0; id < Tokens.Count; id++)
        {
            if (!others.Contains(id)) ids.Add(Tokens[id], id);
        }

        return ids;
    }

    /// <summary>Returns the vocabulary of a tokenizer, or <see langword="null"/> if it is not BPE.</summary>
    public static SpelledVocabulary? Of(ITextTokenizer tokenizer) => FittedTokenizer.Original(tokenizer) switch
    {
        Gpt2Tokenizer gpt2 => new(
            Spell(gpt2, [new(Gpt2Vocabulary.EndOfTextId, Gpt2Vocabulary.EndOfText)], [], TokenizerRules.Gpt2),
            Gpt2Merges.All,
            [new(Gpt2Vocabulary.EndOfTextId, Gpt2Vocabulary.EndOfText)],
            gpt2.EndOfTextId,
            gpt2.BeginningOfTextId,
            null,
            TokenizerRules.Gpt2),
        BytePairTokenizer pairs => new(
            Spell(pairs, pairs.Added, pairs.HiddenIds, pairs.Rules),
            pairs.Merges,
            pairs.Added,
            pairs.EndOfTextId,
            pairs.BeginningOfTextId,
            pairs.UnknownId,
            pairs.Rules)
        {
            HiddenIds = pairs.HiddenIds,
        },
        _ => null,
    };

    private static string[] Spell(
        ITextTokenizer tokenizer, IReadOnlyList<AddedToken> added, IReadOnlyList<int> hidden, TokenizerRules rules)
    {
        string[] tokens = new string[tokenizer.VocabularySize];
        HashSet<int> literal = [.. hidden];
        foreach (var token in added)
        {
            literal.Add(token.Id);
            tokens[token.Id] = token.Text;
        }

        for (int id = 0; id < tokens.Length; id++)
        {
            if (tokens[id] is not null) continue;
            var bytes = tokenizer.TokenBytes(id).Span;
            tokens[id] = !literal.Contains(id) && !rules.MergesCharacters ? ByteAlphabet.Write(bytes) : Encoding.UTF8.GetString(bytes);
            if (!literal.Contains(id) && rules.MergesCharacters) tokens[id] = tokens[id].Replace(' ', BytePairTokenizer.SpelledSpace);
        }

        for (int value = 0; value < rules.ByteIds?.Count; value++) tokens[rules.ByteIds[value]] = BytePairVocabulary.SpellingOfByte(value);
        return tokens;
    }
}
