using System.Globalization;
using System.Text;
using System.Text.Json;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.IO;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Formats.HuggingFace;

/// <summary>
/// Reads tokenizers from files: Hugging Face's <c>tokenizer.json</c>, or a vocabulary and a list of merges, as first
/// used by OpenAI.
/// </summary>
internal static class TokenizerFiles
{
    private const int SizeLimit = 64 << 20;
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The names of a vocabulary and its merges in Hugging Face's folders, and in OpenAI's release.</summary>
    public static IReadOnlyList<(string Vocabulary, string Merges)> Pairs { get; } = [
        (HuggingFaceConstants.VocabularyFile, HuggingFaceConstants.MergesFile), ("encoder.json", "vocab.bpe")
    ];

    /// <summary>Reads the tokenizer in a folder; <see langword="null"/> if there is none.</summary>
    /// <exception cref="InvalidDataException">
    /// The tokenizer is damaged or of an unsupported kind; the message says what is different.
    /// </exception>
    public static ITextTokenizer? Read(string folder)
    {
        string whole = Path.Combine(folder, HuggingFaceConstants.WholeTokenizerFile);
        if (File.Exists(whole))
        {
            using var file = PositionedFile.Open(whole);
            return ReadWhole(file);
        }

        return Pairs.Select(pair => Read(folder, pair.Vocabulary, pair.Merges)).FirstOrDefault(tokenizer => tokenizer is not null);
    }

    /// <summary>
    /// Reads a <c>tokenizer.json</c>, Hugging Face's or that of this library's package, and the settings in the files
    /// around it.
    /// </summary>
    public static ITextTokenizer ReadWhole(PositionedFile file) => JsonFile.Read(file, SizeLimit, root => TokenizerJson.IsIn(root)
        ? TokenizerJson.Read(file.Path, root)
        : HuggingFaceTokenizerReader.Read(file.Path, root, TokenizerSettings.Read(Path.GetDirectoryName(Path.GetFullPath(file.Path))!)));

    /// <summary>Reads a tokenizer from two files; <see langword="null"/> if they do not exist.</summary>
    private static ITextTokenizer? Read(string folder, string vocabularyName, string mergesName)
    {
        string vocabularyPath = Path.Combine(folder, vocabularyName), mergesPath = Path.Combine(folder, mergesName);
        if (!File.Exists(vocabularyPath) || !File.Exists(mergesPath)) return null;
        var settings = TokenizerSettings.Read(folder);
        var rules = settings.TokenizerClass switch
        {
            null or "GPT2Tokenizer" or "GPT2TokenizerFast" => TokenizerRules.Gpt2 with
            {
                SpacePrefix = settings.AddsPrefixSpace == true ? SpacePrefix.IfMissing : SpacePrefix.None,
            },
            "Qwen2Tokenizer" or "Qwen2TokenizerFast" => new() { Split = TextSplit.Qwen2, NormalizesToNfc = true },
            var other => throw new InvalidDataException(
                $"'{folder}' contains a tokenizer of class '{other}', but no {HuggingFaceConstants.WholeTokenizerFile} that says how it "
                + "splits text; only GPT2Tokenizer and Qwen2Tokenizer are known by their class. You can pass another tokenizer instead."),
        };
        var ids = JsonFile.Read(vocabularyPath, SizeLimit, Ids);
        List<AddedToken> added = ids.TryGetValue(Gpt2Vocabulary.EndOfText, out int end) ? [new(end, Gpt2Vocabulary.EndOfText)] : [];
        string? unknown = settings.Unknown ?? Gpt2Vocabulary.EndOfText;
        return BytePairs(vocabularyPath, ids, Merges(mergesPath, ids), added, unknown, settings, rules);
    }

    /// <summary>
    /// Throws if there are more merges than the vocabulary's tokens have characters to merge, before they are read,
    /// because each takes many times its size in the file.
    /// </summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="count">The number of merges.</param>
    /// <param name="ids">The vocabulary.</param>
    public static void CheckMergeCount(string path, int count, Dictionary<string, int> ids)
    {
        long most = ids.Keys.Sum(token => (long)token.Length);
        if (count > most) throw new InvalidDataException(string.Create(
            CultureInfo.InvariantCulture,
            $"'{path}' has {count} merges; the {ids.Count} tokens of its vocabulary, of {most} characters, cannot have as many."));
    }

    /// <summary>Creates a tokenizer from a BPE vocabulary.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="ids">Ids by spelling; the tokens that the settings add are added to it.</param>
    /// <param name="merges">The merges in order.</param>
    /// <param name="added">Tokens that the file itself recognizes as a whole; those of the settings are added to them.</param>
    /// <param name="unknown">The token for bytes or characters without one.</param>
    /// <param name="settings">The settings in the files around it.</param>
    /// <param name="rules">What the file itself says is done besides merging.</param>
    /// <param name="ends">The tokens that the file itself puts at the beginning and the end of a text.</param>
    public static ITextTokenizer BytePairs(
        string path,
        Dictionary<string, int> ids,
        List<(string Left, string Right)> merges,
        List<AddedToken> added,
        string? unknown,
        TokenizerSettings settings,
        TokenizerRules rules,
        (string? Beginning, string? End) ends = default)
    {
        var merged = merges.Select(merge => merge.Left + merge.Right).ToHashSet(StringComparer.Ordinal);
        settings.AddTokens(ids, added, CanBeSpecial);
        string[] tokens = InOrder(path, ids);
        var (beginning, end) = settings.FindEnds(tokens, ids, added.Select(token => token.Id).ToHashSet(), CanBeSpecial);
        beginning ??= IdOf(ends.Beginning);
        end ??= IdOf(ends.End);
        int[] moreEnds = [.. settings.FindMoreEnds(tokens, CanBeSpecial).Where(id => id != end)];
        foreach (int id in new[] { end, beginning }.OfType<int>().Concat(moreEnds)) TokenizerSettings.MakeSpecial(added, id, tokens[id]);
        bool addsBeginning = settings.AddsBeginning ?? ends.Beginning is not null;
        return new BytePairVocabulary(path, tokens, merges, added)
        {
            EndOfTextId = end,
            BeginningOfTextId = beginning,
            UnknownId = IdOf(unknown),
            Rules = rules with
            {
                AddsBeginningOfText = addsBeginning && (beginning ?? end) is not null,
                OtherEndIds = moreEnds.Length == 0 ? TokenizerRules.Gpt2.OtherEndIds : moreEnds,
                ChatTemplate = settings.ChatTemplate,
            },
        }.ToTokenizer();

        int? IdOf(string? token) => token is { Length: > 0 } && ids.TryGetValue(token, out int id) ? id : null;

        // Tokens that merging produces or starts from must remain ordinary.
        bool CanBeSpecial(string token) => token.Length > 1 && !merged.Contains(token);
    }

    /// <summary>Returns the ids of an object's names.</summary>
    public static Dictionary<string, int> Ids(JsonElement vocabulary) =>
        vocabulary.EnumerateObject().ToDictionary(token => token.Name, token => token.Value.GetInt32(), StringComparer.Ordinal);

    /// <summary>Returns the spellings by id, which must run from 0 without gaps.</summary>
    public static string[] InOrder(string path, IReadOnlyDictionary<string, int> ids)
    {
        string[] tokens = new string[ids.Count];
        foreach (var (token, id) in ids)
        {
            if (id < 0 || id >= tokens.Length || tokens[id] is not null)
            {
                throw new InvalidDataException(
                    $"'{path}' gives the token '{token}' the id {id}; {tokens.Length} tokens have the ids from 0 to "
                    + $"{tokens.Length - 1}, each once.");
            }

            tokens[id] = token;
        }

        return tokens;
    }

    private static List<(string Left, string Right)> Merges(string path, Dictionary<string, int> ids)
    {
        try
        {
            var text = JsonFile.WithoutMark(PositionedFile.ReadAll(path, SizeLimit)).Span;
            CheckMergeCount(path, text.Count((byte)'\n') - 1, ids); // without the version line
            string[] lines = StrictUtf8.GetString(text).Split('\n');
            return [.. lines
                .Skip(lines[0].StartsWith("#version", StringComparison.Ordinal) ? 1 : 0)
                .Select(line => line.TrimEnd('\r'))
                .Where(line => line.Length > 0)
                .Select(line => BytePairVocabulary.Merge(path, line))];
        }
        catch (DecoderFallbackException error)
        {
            throw new InvalidDataException($"'{path}' is not valid UTF-8: {error.Message}", error);
        }
    }
}
