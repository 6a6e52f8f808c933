using System.Text.Json;
using MLNet.Gpt.Formats.Metadata;

namespace MLNet.Gpt.Formats.HuggingFace;

/// <summary>
/// Reads Hugging Face's <c>tokenizer.json</c>. Two kinds are supported: GPT-2's, byte-level BPE with GPT-2's splitting
/// and no normalization, and words separated by white space (<c>WordLevel</c>), which this library writes for its own
/// word vocabularies.
/// </summary>
internal static class HuggingFaceTokenizerReader
{
    /// <exception cref="InvalidDataException">
    /// The file is of another kind; the message says what is different.
    /// </exception>
    public static ITextTokenizer Read(string path, JsonElement root, TokenizerSettings settings)
    {
        if (root.Optional("normalizer") is { } normalizer) throw Different(path, $"a normalizer of type '{TypeOf(normalizer)}'", "none");
        var model = root.GetProperty("model");
        return TypeOf(model) == "WordLevel" ? ReadWords(path, root, model, settings) : ReadBytePairs(path, root, model, settings);
    }

    public static InvalidDataException Different(string path, string found, string wanted) =>
        new(
            $"'{path}' is a tokenizer with {found}; GPT-2's kind, which is supported, has {wanted}. You can "
            + "pass another tokenizer instead.");

    private static ITextTokenizer ReadBytePairs(string path, JsonElement root, JsonElement model, TokenizerSettings settings)
    {
        var splitter = root.Optional("pre_tokenizer") ?? throw Different(path, "no pre_tokenizer", "'ByteLevel'");
        if (TypeOf(splitter) != "ByteLevel") throw Different(path, $"a pre_tokenizer of type '{TypeOf(splitter)}'", "'ByteLevel'");
        if (splitter.Optional("add_prefix_space")?.GetBoolean() != false) throw Different(path, "add_prefix_space", "it off");
        if (splitter.Optional("use_regex")?.GetBoolean() == false) throw Different(path, "use_regex off", "it on");
        if ((TypeOf(model) ?? "BPE") != "BPE") throw Different(path, $"a model of type '{TypeOf(model)}'", "'BPE'");
        foreach (
            string name in (ReadOnlySpan<string>)[
                "dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "ignore_merges"
            ])
        {
            if (model.Optional(name) is { } value
                && value.ValueKind != JsonValueKind.False
                && value.GetRawText() is not ("\"\"" or "0" or "0.0"))
            {
                throw Different(path, $"{name} at {value.GetRawText()}", "it off");
            }
        }

        var ids = TokenizerFiles.Ids(model.GetProperty("vocab"));
        var special = AddTokens(path, root, ids);
        TokenizerFiles.CheckMergeCount(path, model.GetProperty("merges").GetArrayLength(), ids);
        List<(string, string)> merges = [.. model.GetProperty("merges").EnumerateArray().Select(merge => Merge(path, merge))];
        return TokenizerFiles.BytePairs(path, ids, merges, special, model.Optional("unk_token")?.GetString(), settings);
    }

    private static WordTokenizer ReadWords(string path, JsonElement root, JsonElement model, TokenizerSettings settings)
    {
        var splitter = root.Optional("pre_tokenizer");
        if (splitter is null || TypeOf(splitter.Value) != "WhitespaceSplit")
        {
            string found = splitter is null ? "no pre_tokenizer" : $"a pre_tokenizer of type '{TypeOf(splitter.Value)}'";
            throw new InvalidDataException(
                $"'{path}' is a word tokenizer with {found}; only those that split on 'WhitespaceSplit' are supported. "
                + "You can pass another tokenizer instead.");
        }

        var ids = TokenizerFiles.Ids(model.GetProperty("vocab"));
        HashSet<int> special = [.. AddTokens(path, root, ids), .. settings.AddTokens(ids, _ => true)];
        string[] words = TokenizerFiles.InOrder(path, ids);
        string? unknown = model.Optional("unk_token")?.GetString();
        var (beginning, end) = settings.FindEnds(words, ids, special, _ => true);
        return new(words, unknown is { Length: > 0 } && ids.ContainsKey(unknown) ? unknown : null, WordOf(end), WordOf(beginning));

        string? WordOf(int? id) => id is { } known ? words[known] : null;
    }

    // They may already be in the vocabulary, or come after it.
    private static List<int> AddTokens(string path, JsonElement root, Dictionary<string, int> ids)
    {
        var special = new List<int>();
        if (root.Optional("added_tokens") is not { } added) return special;
        foreach (var token in added.EnumerateArray())
        {
            string content = token.GetProperty("content").GetString() ?? throw new JsonException("An added token has no content.");
            int id = token.GetProperty("id").GetInt32();
            TokenizerSettings.CheckFlags(path, content, token);
            TokenizerSettings.Add(path, ids, content, id);
            special.Add(id);
        }

        return special;
    }

    private static (string Left, string Right) Merge(string path, JsonElement merge) =>
        merge.ValueKind == JsonValueKind.Array && merge.GetArrayLength() == 2
            ? (merge[0].GetString() ?? "", merge[1].GetString() ?? "")
            : BytePairVocabulary.Merge(path, merge.GetString() ?? "");

    private static string? TypeOf(JsonElement element) => element.Optional("type")?.GetString();
}
