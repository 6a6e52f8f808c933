using System.Text.Json;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Formats.HuggingFace;

/// <summary>
/// What a <c>tokenizer.json</c> does around its model: normalizer, pre-tokenizer, post-processor and decoder. Each is
/// one of the forms that the supported families use; anything else is refused by name, because ids would differ.
/// </summary>
internal static class TokenizerPipeline
{
    private const string Space = " ", SpelledSpace = "\u2581";

    /// <summary>The regular expressions of the pre-tokenizer <c>Split</c>, and the splitting that each describes.</summary>
    public static IReadOnlyList<(string Pattern, TextSplit Split)> Patterns { get; } =
    [
        (Llama3Pattern(@"\p{N}{1,3}"), TextSplit.Llama3),
        (Llama3Pattern(@"\p{N}"), TextSplit.Qwen2),
        (@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", TextSplit.Gpt2),
    ];

    /// <summary>Returns the rules of a file, but for those of its model.</summary>
    /// <exception cref="InvalidDataException">The file has an unknown step; the message names it.</exception>
    public static TokenizerRules RulesOf(string path, JsonElement root, bool? addsPrefixSpace)
    {
        var rules = WithPreTokenizer(path, root, WithNormalizer(path, root), addsPrefixSpace);
        return WithDecoder(path, root, rules);
    }

    /// <summary>Returns the tokens that the post-processor puts at the beginning and the end of a text.</summary>
    /// <exception cref="InvalidDataException">The file has an unknown post-processor; the message names it.</exception>
    public static (string? Beginning, string? End) EndsOf(string path, JsonElement root)
    {
        string? beginning = null, end = null;
        foreach (var step in Steps(root, "post_processor", "processors"))
        {
            if (TypeOf(step) == "ByteLevel") continue; // affects only offsets
            if (TypeOf(step) != "TemplateProcessing") throw Unknown(path, "post_processor", step);
            bool isAfterText = false;
            foreach (var item in step.GetProperty("single").EnumerateArray())
            {
                isAfterText |= item.Optional("Sequence") is not null;
                if (item.Optional("SpecialToken")?.GetProperty("id").GetString() is not { } token) continue;
                if ((isAfterText ? end : beginning) is not null)
                {
                    throw HuggingFaceTokenizerReader.Different(path, "a post_processor that adds several tokens");
                }

                if (isAfterText) end = token;
                else beginning = token;
            }
        }

        return (beginning, end);
    }

    /// <summary>Returns the type of a step.</summary>
    public static string? TypeOf(JsonElement element) => element.Optional("type")?.GetString();

    private static string Llama3Pattern(string number) =>
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|" + number + @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private static TokenizerRules WithNormalizer(string path, JsonElement root)
    {
        var rules = new TokenizerRules();
        foreach (var step in Steps(root, "normalizer", "normalizers"))
        {
            rules = TypeOf(step) switch
            {
                "NFC" => rules with { NormalizesToNfc = true },
                "Prepend" when step.Optional("prepend")?.GetString() == SpelledSpace => rules with { SpacePrefix = SpacePrefix.Always },
                "Replace" when Replaces(step, Space, SpelledSpace) => rules with { MergesCharacters = true, Split = TextSplit.Words },
                _ => throw Unknown(path, "normalizer", step),
            };
        }

        if (rules.MergesCharacters ? rules.NormalizesToNfc : rules.SpacePrefix != SpacePrefix.None)
        {
            throw HuggingFaceTokenizerReader.Different(path, "a combination of normalizers that no supported family has");
        }

        return rules;
    }

    private static TokenizerRules WithPreTokenizer(string path, JsonElement root, TokenizerRules rules, bool? addsPrefixSpace)
    {
        JsonElement[] steps = [.. Steps(root, "pre_tokenizer", "pretokenizers")];
        if (rules.MergesCharacters)
        {
            // There are no spaces left on which it could split.
            bool splitsNothing = steps.Length == 0 || (steps.Length == 1 && SplitsOnSpaces(steps[0]));
            return splitsNothing ? rules : throw Unknown(path, "pre_tokenizer", steps[0]);
        }

        switch (steps)
        {
            case []: throw HuggingFaceTokenizerReader.Different(path, "no pre_tokenizer");
            case [var only] when TypeOf(only) == "Metaspace" && !rules.NormalizesToNfc: return Metaspace(path, only, rules);
            case [var only] when TypeOf(only) == "ByteLevel":
                if (IsOn(only, "use_regex") == false)
                {
                    throw HuggingFaceTokenizerReader.Different(path, "a pre_tokenizer with use_regex off");
                }

                bool isPrefixed = addsPrefixSpace ?? IsOn(only, "add_prefix_space") ?? true;
                return isPrefixed ? rules with { SpacePrefix = SpacePrefix.IfMissing } : rules;
        }

        if (steps[^1] is var last && TypeOf(last) != "ByteLevel") throw Unknown(path, "pre_tokenizer", last);
        if (steps.Length != 2) throw HuggingFaceTokenizerReader.Different(path, $"a pre_tokenizer of {steps.Length} steps");
        if (IsOn(last, "add_prefix_space") ?? true)
        {
            throw HuggingFaceTokenizerReader.Different(path, "a pre_tokenizer with add_prefix_space on after another step");
        }

        bool usesRegex = IsOn(last, "use_regex") ?? true;
        return TypeOf(steps[0]) switch
        {
            "Digits" when usesRegex && IsOn(steps[0], "individual_digits") == true => rules with { Split = TextSplit.SingleDigits },
            "Split" when !usesRegex && IsolatesMatches(steps[0]) => rules with { Split = SplitOf(path, steps[0]) },
            _ => throw Unknown(path, "pre_tokenizer", steps[0]),
        };
    }

    private static TokenizerRules Metaspace(string path, JsonElement step, TokenizerRules rules)
    {
        if (step.Optional("replacement")?.GetString() != SpelledSpace) throw Unknown(path, "pre_tokenizer", step);
        string scheme = step.Optional("prepend_scheme")?.GetString() ?? (IsOn(step, "add_prefix_space") == false ? "never" : "always");
        return rules with
        {
            MergesCharacters = true,
            Split = IsOn(step, "split") ?? true ? TextSplit.Spaces : TextSplit.Words,
            SpacePrefix = scheme switch
            {
                "always" => SpacePrefix.IfMissing,
                "first" => SpacePrefix.IfMissingAtStart,
                "never" => SpacePrefix.None,
                _ => throw HuggingFaceTokenizerReader.Different(path, $"a pre_tokenizer with the prepend_scheme '{scheme}'"),
            },
        };
    }

    private static TokenizerRules WithDecoder(string path, JsonElement root, TokenizerRules rules)
    {
        foreach (var step in Steps(root, "decoder", "decoders"))
        {
            bool isKnown = TypeOf(step) switch
            {
                "ByteLevel" => !rules.MergesCharacters,
                "Replace" => rules.MergesCharacters && Replaces(step, SpelledSpace, Space),
                "ByteFallback" or "Fuse" => rules.MergesCharacters,
                "Strip" => rules.MergesCharacters && step.Optional("content")?.GetString() == Space
                    && step.Optional("start")?.GetInt32() == 1 && step.Optional("stop")?.GetInt32() == 0,
                "Metaspace" => rules.MergesCharacters && step.Optional("replacement")?.GetString() == SpelledSpace,
                _ => false,
            };
            if (!isKnown) throw Unknown(path, "decoder", step);
            bool drops = TypeOf(step) == "Strip" || (TypeOf(step) == "Metaspace" && rules.SpacePrefix != SpacePrefix.None);
            if (drops) rules = rules with { DropsFirstSpace = true };
        }

        return rules;
    }

    private static TextSplit SplitOf(string path, JsonElement step)
    {
        string? pattern = step.Optional("pattern")?.Optional("Regex")?.GetString();
        foreach (var (known, split) in Patterns)
        {
            if (pattern == known) return split;
        }

        throw pattern is null
            ? Unknown(path, "pre_tokenizer", step)
            : HuggingFaceTokenizerReader.Different(path, $"a pre_tokenizer that splits on '{pattern}'");
    }

    // The expressions match every character, so that it is all the same whether matches are isolated or what is between
    // them is removed.
    private static bool IsolatesMatches(JsonElement step) => step.Optional("behavior")?.GetString() switch
    {
        "Isolated" => IsOn(step, "invert") != true,
        "Removed" => IsOn(step, "invert") == true,
        _ => false,
    };

    private static bool SplitsOnSpaces(JsonElement step) =>
        TypeOf(step) == "Split" && step.Optional("pattern")?.Optional("String")?.GetString() == Space;

    private static bool Replaces(JsonElement step, string from, string to) =>
        step.Optional("pattern")?.Optional("String")?.GetString() == from && step.Optional("content")?.GetString() == to;

    private static bool? IsOn(JsonElement element, string name) => element.Optional(name)?.GetBoolean();

    // A sequence is its steps.
    private static IEnumerable<JsonElement> Steps(JsonElement root, string name, string listName)
    {
        if (root.Optional(name) is not { } first) return [];
        return TypeOf(first) == "Sequence" ? first.GetProperty(listName).EnumerateArray() : [first];
    }

    private static InvalidDataException Unknown(string path, string kind, JsonElement step) => HuggingFaceTokenizerReader.Different(
        path,
        TypeOf(step) is "Split" or "Replace" or "Prepend" or "Metaspace" or "Digits" or "Strip"
            ? $"an unknown {kind}: {step.GetRawText()}"
            : $"a {kind} of type '{TypeOf(step)}'");
}
