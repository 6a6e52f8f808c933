using System.Text.Json;
using MLNet.Gpt.Checkpoints.Importing;

namespace MLNet.Gpt.Checkpoints.HuggingFace;

/// <summary>Hugging Face's <c>tokenizer.json</c>, of which GPT-2's kind is read: byte-level BPE with GPT-2's splitting, and nothing done to the text before.</summary>
internal static class TokenizerJsonFile
{
    private const string EndOfText = "<|endoftext|>";

    /// <exception cref="InvalidDataException">It is of another kind; the message names what is different.</exception>
    public static BytePairVocabulary Read(string path, JsonElement root)
    {
        if (root.Optional("normalizer") is { } normalizer) throw Different(path, $"a normalizer of type '{TypeOf(normalizer)}'", "none");
        var splitter = root.Optional("pre_tokenizer") ?? throw Different(path, "no pre_tokenizer", "'ByteLevel'");
        if (TypeOf(splitter) != "ByteLevel") throw Different(path, $"a pre_tokenizer of type '{TypeOf(splitter)}'", "'ByteLevel'");
        if (splitter.Optional("add_prefix_space")?.GetBoolean() != false) throw Different(path, "add_prefix_space", "it off");
        if (splitter.Optional("use_regex")?.GetBoolean() == false) throw Different(path, "use_regex off", "it on");

        var model = root.GetProperty("model");
        if ((model.Optional("type")?.GetString() ?? "BPE") != "BPE") throw Different(path, $"a model of type '{TypeOf(model)}'", "'BPE'");
        foreach (string name in (string[])["dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "ignore_merges"])
        {
            if (model.Optional(name) is { } value && value.ValueKind != JsonValueKind.False && value.GetRawText() is not ("\"\"" or "0" or "0.0"))
            {
                throw Different(path, $"{name} at {value.GetRawText()}", "it off");
            }
        }

        var ids = TokenizerFiles.Ids(model.GetProperty("vocab"));
        int[] special = [.. AddedTokens(path, root, ids)];
        return new(path, TokenizerFiles.InOrder(path, ids), [.. model.GetProperty("merges").EnumerateArray().Select(merge => Merge(path, merge))], special)
        {
            EndOfTextId = ids.TryGetValue(EndOfText, out int end) && special.Contains(end) ? end : null,
            UnknownId = model.Optional("unk_token")?.GetString() is { Length: > 0 } unknown && ids.TryGetValue(unknown, out int id) ? id : null,
        };
    }

    // They may stand in the vocabulary already, or come after it.
    private static IEnumerable<int> AddedTokens(string path, JsonElement root, Dictionary<string, int> ids)
    {
        if (root.Optional("added_tokens") is not { } added) yield break;
        foreach (var token in added.EnumerateArray())
        {
            string content = token.GetProperty("content").GetString() ?? throw new JsonException("An added token has no content.");
            int id = token.GetProperty("id").GetInt32();
            foreach (string name in (string[])["lstrip", "rstrip", "single_word"])
            {
                if (token.Optional(name)?.GetBoolean() == true) throw Different(path, $"{name} on for '{content}'", "it off");
            }

            if (!ids.TryAdd(content, id) && ids[content] != id) throw new InvalidDataException($"'{path}' gives '{content}' the ids {ids[content]} and {id}.");
            yield return id;
        }
    }

    private static (string Left, string Right) Merge(string path, JsonElement merge) => merge.ValueKind == JsonValueKind.Array && merge.GetArrayLength() == 2
        ? (merge[0].GetString() ?? "", merge[1].GetString() ?? "")
        : TokenizerFiles.Merge(path, merge.GetString() ?? "");

    private static string? TypeOf(JsonElement element) => element.Optional("type")?.GetString();

    private static InvalidDataException Different(string path, string found, string wanted) =>
        new($"'{path}' is a tokenizer with {found}; GPT-2's kind, which is read here, has {wanted}. Another tokenizer can be given instead.");
}
