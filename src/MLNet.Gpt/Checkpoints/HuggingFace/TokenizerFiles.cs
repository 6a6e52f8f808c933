using System.Text;
using System.Text.Json;
using MLNet.Gpt.Checkpoints.Importing;
using MLNet.Gpt.IO;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Checkpoints.HuggingFace;

/// <summary>A tokenizer in files: Hugging Face's <c>tokenizer.json</c>, or a vocabulary and a list of merges, as OpenAI wrote them first.</summary>
internal static class TokenizerFiles
{
    private const int SizeLimit = 64 << 20;
    private const string EndOfText = "<|endoftext|>";
    private const string Whole = "tokenizer.json";
    private const string Settings = "tokenizer_config.json";
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The tokenizer in a Hugging Face folder, or <see langword="null"/>.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or not of the kind that GPT-2 has; the message names what is different.</exception>
    public static ITextTokenizer? Read(string folder)
    {
        string whole = Path.Combine(folder, Whole);
        return File.Exists(whole) ? JsonFile.Read(whole, SizeLimit, root => TokenizerJsonFile.Read(whole, root)).ToTokenizer() : Read(folder, "vocab.json", "merges.txt");
    }

    /// <summary>The tokenizer of two files, or <see langword="null"/> where they are not there.</summary>
    public static ITextTokenizer? Read(string folder, string vocabularyName, string mergesName)
    {
        string vocabularyPath = Path.Combine(folder, vocabularyName), mergesPath = Path.Combine(folder, mergesName), settingsPath = Path.Combine(folder, Settings);
        if (!File.Exists(vocabularyPath) || !File.Exists(mergesPath)) return null;

        string[] tokens = JsonFile.Read(vocabularyPath, SizeLimit, root => InOrder(vocabularyPath, Ids(root)));
        string unknown = EndOfText;
        var special = new HashSet<string>(StringComparer.Ordinal) { EndOfText };
        if (File.Exists(settingsPath))
        {
            unknown = JsonFile.Read(settingsPath, SizeLimit, root => ReadSettings(settingsPath, root, special)) ?? unknown;
        }

        int end = Array.IndexOf(tokens, EndOfText), other = Array.IndexOf(tokens, unknown);
        return new BytePairVocabulary(vocabularyPath, tokens, Merges(mergesPath), [.. Enumerable.Range(0, tokens.Length).Where(id => special.Contains(tokens[id]))])
        {
            EndOfTextId = end >= 0 ? end : null,
            UnknownId = other >= 0 ? other : null,
        }.ToTokenizer();
    }

    /// <summary>The ids of an object's names.</summary>
    public static Dictionary<string, int> Ids(JsonElement vocabulary) =>
        vocabulary.EnumerateObject().ToDictionary(token => token.Name, token => token.Value.GetInt32(), StringComparer.Ordinal);

    /// <summary>Spellings by id, which must run from 0 without a gap.</summary>
    public static string[] InOrder(string path, IReadOnlyDictionary<string, int> ids)
    {
        string[] tokens = new string[ids.Count];
        foreach (var (token, id) in ids)
        {
            if (id < 0 || id >= tokens.Length || tokens[id] is not null)
            {
                throw new InvalidDataException($"'{path}' gives the token '{token}' the id {id}; {tokens.Length} tokens have the ids from 0 to {tokens.Length - 1}, each once.");
            }

            tokens[id] = token;
        }

        return tokens;
    }

    /// <summary>The two spellings of a merge.</summary>
    public static (string Left, string Right) Merge(string path, string line)
    {
        int blank = line.IndexOf(' ', StringComparison.Ordinal);
        return blank > 0 && blank == line.LastIndexOf(' ') && blank < line.Length - 1
            ? (line[..blank], line[(blank + 1)..])
            : throw new InvalidDataException($"'{path}' holds '{line}' where two tokens with a blank between belong.");
    }

    private static List<(string Left, string Right)> Merges(string path)
    {
        try
        {
            string[] lines = StrictUtf8.GetString(PositionedFile.ReadAll(path, SizeLimit)).Split('\n');
            return [.. lines.Skip(lines[0].StartsWith("#version", StringComparison.Ordinal) ? 1 : 0).Select(line => line.TrimEnd('\r')).Where(line => line.Length > 0).Select(line => Merge(path, line))];
        }
        catch (DecoderFallbackException error)
        {
            throw new InvalidDataException($"'{path}' is no UTF-8 text: {error.Message}", error);
        }
    }

    private static string? ReadSettings(string path, JsonElement root, HashSet<string> special)
    {
        if (root.Optional("add_prefix_space")?.GetBoolean() == true) throw new InvalidDataException($"'{path}' puts a blank before each text (add_prefix_space); GPT-2 does not.");
        if (root.Optional("added_tokens_decoder") is { } added)
        {
            foreach (var token in added.EnumerateObject()) special.Add(token.Value.GetProperty("content").GetString() ?? throw new JsonException("An added token has no content."));
        }

        var unknown = root.Optional("unk_token");
        return unknown?.ValueKind == JsonValueKind.Object ? unknown.Value.GetProperty("content").GetString() : unknown?.GetString();
    }
}
