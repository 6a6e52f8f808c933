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
        var ids = JsonFile.Read(vocabularyPath, SizeLimit, Ids);
        int[] special = ids.TryGetValue(Gpt2Vocabulary.EndOfText, out int end) ? [end] : [];
        return BytePairs(vocabularyPath, ids, Merges(mergesPath, ids), special, settings.Unknown ?? Gpt2Vocabulary.EndOfText, settings);
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

    /// <summary>Creates a tokenizer from a byte-level BPE vocabulary.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="ids">Ids by spelling; the tokens that the settings add are added to it.</param>
    /// <param name="merges">The merges in order.</param>
    /// <param name="special">Ids that the file itself recognizes as a whole.</param>
    /// <param name="unknown">The token for bytes without one.</param>
    /// <param name="settings">The settings in the files around it.</param>
    public static ITextTokenizer BytePairs(
        string path,
        Dictionary<string, int> ids,
        List<(string Left, string Right)> merges,
        IEnumerable<int> special,
        string? unknown,
        TokenizerSettings settings)
    {
        var merged = merges.Select(merge => merge.Left + merge.Right).ToHashSet(StringComparer.Ordinal);
        var specialIds = new SortedSet<int>(special);
        specialIds.UnionWith(settings.AddTokens(ids, CanBeSpecial));
        string[] tokens = InOrder(path, ids);
        var (beginning, end) = settings.FindEnds(tokens, ids, specialIds, CanBeSpecial);
        foreach (int? id in (ReadOnlySpan<int?>)[end, beginning])
        {
            if (id is { } one) specialIds.Add(one);
        }

        return new BytePairVocabulary(path, tokens, merges, [.. specialIds])
        {
            EndOfTextId = end,
            BeginningOfTextId = beginning,
            UnknownId = unknown is { Length: > 0 } && ids.TryGetValue(unknown, out int unknownId) ? unknownId : null,
        }.ToTokenizer();

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
