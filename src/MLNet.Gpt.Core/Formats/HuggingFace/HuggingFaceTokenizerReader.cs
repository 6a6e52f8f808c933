using System.Text.Json;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Formats.HuggingFace;

/// <summary>
/// Reads Hugging Face's <c>tokenizer.json</c>: byte-level BPE as GPT-2, Llama 3, Qwen and SmolLM have it, BPE over
/// characters as Llama 2, Mistral and Gemma have it, and words separated by white space (<c>WordLevel</c>), which this
/// library writes for its own word vocabularies.
/// </summary>
internal static class HuggingFaceTokenizerReader
{
    /// <exception cref="InvalidDataException">
    /// The file is of another kind; the message says what is different.
    /// </exception>
    public static ITextTokenizer Read(string path, JsonElement root, TokenizerSettings settings)
    {
        var model = root.GetProperty("model");
        return TokenizerPipeline.TypeOf(model) == "WordLevel"
            ? ReadWords(path, root, model, settings)
            : ReadBytePairs(path, root, model, settings);
    }

    public static InvalidDataException Different(string path, string found) =>
        new($"'{path}' is a tokenizer with {found}, which is not supported. You can pass another tokenizer instead.");

    private static ITextTokenizer ReadBytePairs(string path, JsonElement root, JsonElement model, TokenizerSettings settings)
    {
        string type = TokenizerPipeline.TypeOf(model) ?? "BPE";
        if (type != "BPE") throw Different(path, $"a model of type '{type}'");
        var rules = TokenizerPipeline.RulesOf(path, root, settings.AddsPrefixSpace);
        string[] unsupported = ["dropout", "continuing_subword_prefix", "end_of_word_suffix"];
        foreach (string name in rules.MergesCharacters ? unsupported : [.. unsupported, "byte_fallback"])
        {
            if (model.Optional(name) is { } value
                && value.ValueKind != JsonValueKind.False
                && value.GetRawText() is not ("\"\"" or "0" or "0.0"))
            {
                throw Different(path, $"{name} at {value.GetRawText()}");
            }
        }

        var ids = TokenizerFiles.Ids(model.GetProperty("vocab"));
        rules = rules with
        {
            IgnoresMerges = model.Optional("ignore_merges")?.GetBoolean() == true,
            FusesUnknown = model.Optional("fuse_unk")?.GetBoolean() == true,
            ByteIds = model.Optional("byte_fallback")?.GetBoolean() == true ? BytePairVocabulary.ByteIdsOf(path, ids) : null,
        };
        var added = AddTokens(path, root, ids, rules.SpacePrefix == SpacePrefix.Always);
        TokenizerFiles.CheckMergeCount(path, model.GetProperty("merges").GetArrayLength(), ids);
        List<(string, string)> merges = [.. model.GetProperty("merges").EnumerateArray().Select(merge => Merge(path, merge))];
        string? unknown = model.Optional("unk_token")?.GetString();
        return TokenizerFiles.BytePairs(path, ids, merges, added, unknown, settings, rules, TokenizerPipeline.EndsOf(path, root));
    }

    private static WordTokenizer ReadWords(string path, JsonElement root, JsonElement model, TokenizerSettings settings)
    {
        if (root.Optional("normalizer") is { } normalizer)
        {
            throw Different(path, $"a normalizer of type '{TokenizerPipeline.TypeOf(normalizer)}'");
        }

        var splitter = root.Optional("pre_tokenizer");
        if (splitter is null || TokenizerPipeline.TypeOf(splitter.Value) != "WhitespaceSplit")
        {
            string found = splitter is null ? "no pre_tokenizer" : $"a pre_tokenizer of type '{TokenizerPipeline.TypeOf(splitter.Value)}'";
            throw new InvalidDataException(
                $"'{path}' is a word tokenizer with {found}; only those that split on 'WhitespaceSplit' are supported. "
                + "You can pass another tokenizer instead.");
        }

        var ids = TokenizerFiles.Ids(model.GetProperty("vocab"));
        var added = AddTokens(path, root, ids, refusesNormalized: false);
        settings.AddTokens(ids, added, _ => true);
        foreach (var token in added)
        {
            if (!token.IsPlain) throw Different(path, $"lstrip, rstrip or single_word on for '{token.Text}' in a vocabulary of words");
        }

        string[] words = TokenizerFiles.InOrder(path, ids);
        string? unknown = model.Optional("unk_token")?.GetString();
        var (beginning, end) = settings.FindEnds(words, ids, added.Select(token => token.Id).ToHashSet(), _ => true);
        return new(words, unknown is { Length: > 0 } && ids.ContainsKey(unknown) ? unknown : null, WordOf(end), WordOf(beginning));

        string? WordOf(int? id) => id is { } known ? words[known] : null;
    }

    // They may already be in the vocabulary, or come after it.
    private static List<AddedToken> AddTokens(string path, JsonElement root, Dictionary<string, int> ids, bool refusesNormalized)
    {
        var tokens = new List<AddedToken>();
        foreach (var element in root.Optional("added_tokens")?.EnumerateArray() ?? default)
        {
            var token = TokenizerSettings.ReadAdded(element.GetProperty("id").GetInt32(), element);
            if (refusesNormalized && element.Optional("normalized")?.GetBoolean() == true)
            {
                throw Different(path, $"normalized on for '{token.Text}' and a normalizer that would change it");
            }

            TokenizerSettings.Add(path, ids, token.Text, token.Id);
            tokens.Add(token);
        }

        return tokens;
    }

    private static (string Left, string Right) Merge(string path, JsonElement merge) =>
        merge.ValueKind == JsonValueKind.Array && merge.GetArrayLength() == 2
            ? (merge[0].GetString() ?? "", merge[1].GetString() ?? "")
            : BytePairVocabulary.Merge(path, merge.GetString() ?? "");
}
