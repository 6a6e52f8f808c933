using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Formats.Gguf;

/// <summary>
/// A tokenizer's keys, as llama.cpp reads and writes them: byte-level BPE (<c>gpt2</c>) with the name of its splitting,
/// and BPE over characters with SentencePiece's scores (<c>llama</c>). Source: llama.cpp's <c>llama-vocab.cpp</c>.
/// </summary>
internal static class GgufTokenizer
{
    private const string BytePairs = "gpt2", Scored = "llama", None = "none";

    // llama.cpp's names of how text is split, the one to write first, and whether a piece that is a token is taken as it
    // is.
    private static readonly (TextSplit Split, bool IgnoresMerges, string[] Names)[] Splits =
    [
        (TextSplit.Gpt2, false, ["gpt-2", "phi-2", "mpt", "olmo", "jais", "mellum", "gigachat"]),
        (TextSplit.Llama3, true, ["llama-bpe", "llama3", "llama-v3", "falcon3"]),
        (TextSplit.Llama3, false, ["smaug-bpe", "dbrx"]),
        (TextSplit.Qwen2, false, ["qwen2", "deepseek-r1-qwen", "stablelm2", "megrez"]),
        (TextSplit.SingleDigits, false, ["smollm", "starcoder", "refact", "command-r", "codeshell"]),
        (TextSplit.LlamaCppDefault, false, ["default"]),
    ];

    /// <summary>Reads the tokenizer of a model; <see langword="null"/> if it has none.</summary>
    /// <exception cref="InvalidDataException">
    /// The tokenizer is damaged or of an unsupported kind; the message names it.
    /// </exception>
    public static ITextTokenizer? Read(string path, GgufReader file, string? architecture)
    {
        if (file.Optional<List<string>>(GgufConstants.TokensKey) is not { } tokens) return null;
        string? model = file.Optional<string>(GgufConstants.TokenizerKey);
        if (model is not (BytePairs or Scored))
        {
            throw new InvalidDataException(
                $"'{path}' has a tokenizer of kind '{model}'; only '{BytePairs}' and '{Scored}' are supported.");
        }

        var types = file.Optional<List<long>>(GgufConstants.TokenTypesKey);
        if (types is not null && types.Count != tokens.Count)
        {
            throw new InvalidDataException($"'{path}' has {tokens.Count} tokens but types for {types.Count}.");
        }

        // Rows that pad the vocabulary have special names, which do not represent text.
        int count = tokens.Count;
        while (count > 0 && types?[count - 1] == GgufConstants.UnusedToken) count--;
        tokens = tokens.GetRange(0, count);
        var added = new SortedDictionary<int, AddedToken>();
        var hidden = new List<int>();
        for (int id = 0; id < count && types is not null; id++)
        {
            if (types[id] is GgufConstants.ControlToken or GgufConstants.UnknownToken) added.Add(id, new(id, tokens[id]));
            else if (types[id] == GgufConstants.UserDefinedToken) added.Add(id, new(id, tokens[id]) { IsSpecial = false });
            else if (types[id] == GgufConstants.UnusedToken) hidden.Add(id);
        }

        bool isScored = model == Scored;
        int? end = file.OptionalInteger(GgufConstants.EndIdKey) ?? (isScored ? 2 : null);
        int? beginning = file.OptionalInteger(GgufConstants.BeginningIdKey) ?? (isScored ? 1 : null);
        int? unknown = file.OptionalInteger(GgufConstants.UnknownIdKey) ?? (isScored ? 0 : null);
        int[] otherEnds = [
            .. GgufConstants.OtherEndIdKeys.Select(file.OptionalInteger).OfType<int>().Where(id => id != end && id < count).Distinct()
        ];
        if (end >= count) throw new InvalidDataException($"'{path}' ends documents with the id {end} of {count} tokens.");
        foreach (int id in new[] { end }.OfType<int>().Concat(otherEnds)) added[id] = new(id, tokens[id]);
        if (beginning is { } first && !(added.TryGetValue(first, out var start) && start.IsSpecial)) beginning = null;
        if (unknown >= count) unknown = null;

        var rules = isScored ? ScoredRules(path, file, tokens) : BytePairRules(path, file, architecture);
        return new BytePairVocabulary(path, tokens, isScored ? [] : Merges(path, file), [.. added.Values])
        {
            EndOfTextId = end,
            BeginningOfTextId = beginning,
            UnknownId = unknown,
            HiddenIds = hidden,
            Rules = rules with
            {
                AddsBeginningOfText = (file.Optional<bool?>(GgufConstants.AddsBeginningKey) ?? rules.AddsBeginningOfText)
                    && (beginning ?? end) is not null,
                OtherEndIds = otherEnds.Length == 0 ? TokenizerRules.Gpt2.OtherEndIds : otherEnds,
                ChatTemplate = file.Optional<string>(GgufConstants.ChatTemplateKey),
            },
        }.ToTokenizer();
    }

    /// <summary>Writes a tokenizer, or that there is none.</summary>
    /// <exception cref="ArgumentException">GGUF does not support tokenizers of this kind.</exception>
    public static void Write(GgufHeaderWriter header, string architecture, ITextTokenizer? tokenizer, int vocabularySize)
    {
        if (tokenizer is null) // ids in, ids out
        {
            header.Add($"{architecture}.vocab_size", (uint)vocabularySize);
            header.Add(GgufConstants.TokenizerKey, None);
            return;
        }

        var vocabulary = SpelledVocabulary.Of(tokenizer) ?? throw new ArgumentException(
            $"GGUF does not support a tokenizer of type {tokenizer.GetType()}, only {nameof(Gpt2Tokenizer)} and "
            + $"{nameof(BytePairTokenizer)}; without a tokenizer, the model works on token ids.",
            nameof(tokenizer));
        if (FittedTokenizer.LacksOrdinaryTokens(tokenizer))
        {
            throw new ArgumentException(
                $"GGUF has one list of tokens for model and tokenizer. The tokenizer has {vocabulary.Tokens.Count}, the model "
                + $"{vocabularySize}; without the others, ordinary text would get other ids.",
                nameof(tokenizer));
        }

        var rules = vocabulary.Rules;

        // One token for each row of the embedding: missing tokens are padded as llama.cpp's converter does, and extra
        // special tokens are left out.
        int known = Math.Min(vocabularySize, vocabulary.Tokens.Count);
        string[] tokens = [
            .. Enumerable.Range(0, vocabularySize).Select(id => id < known ? vocabulary.Tokens[id] : FittedTokenizer.NameOf(id))
        ];
        header.Add(GgufConstants.TokenizerKey, rules.MergesCharacters ? Scored : BytePairs);
        if (!rules.MergesCharacters) header.Add(GgufConstants.SplitterKey, NameOf(vocabulary));
        header.Add(GgufConstants.TokensKey, tokens);
        if (rules.MergesCharacters)
        {
            CheckScored(rules);
            float[] scores = new float[vocabularySize];
            vocabulary.ScoresOf(nameof(tokenizer)).Take(known).ToArray().CopyTo(scores, 0);
            header.Add(GgufConstants.ScoresKey, scores);
        }

        header.Add(GgufConstants.TokenTypesKey, Types(vocabulary, known, vocabularySize));
        if (!rules.MergesCharacters) header.Add(GgufConstants.MergesKey, [.. vocabulary.MergeLines]);
        if (tokenizer.BeginningOfTextId is { } beginning) header.Add(GgufConstants.BeginningIdKey, (uint)beginning);
        if (tokenizer.EndOfTextId is { } end) header.Add(GgufConstants.EndIdKey, (uint)end);
        foreach (var (key, id) in GgufConstants.OtherEndIdKeys.Zip(rules.OtherEndIds.Where(id => id < known))) header.Add(key, (uint)id);
        if (vocabulary.UnknownId is { } unknown && unknown < known) header.Add(GgufConstants.UnknownIdKey, (uint)unknown);
        header.Add(GgufConstants.AddsBeginningKey, tokenizer.AddsBeginningOfText);
        if (rules.MergesCharacters)
        {
            header.Add(GgufConstants.AddsEndKey, false);
            header.Add(GgufConstants.AddsSpaceKey, rules.SpacePrefix != SpacePrefix.None);
        }

        if (rules.ChatTemplate is { } template) header.Add(GgufConstants.ChatTemplateKey, template);
    }

    private static TokenizerRules BytePairRules(string path, GgufReader file, string? architecture)
    {
        // The first files of this architecture do not name the splitting, which is GPT-2's.
        string? name = file.Optional<string>(GgufConstants.SplitterKey) ?? (architecture == BytePairs ? Splits[0].Names[0] : null);
        foreach (var (split, ignoresMerges, names) in Splits)
        {
            if (!names.Contains(name)) continue;
            return new() { Split = split, IgnoresMerges = ignoresMerges, AddsBeginningOfText = ignoresMerges };
        }

        string found = name is null ? "does not say how it splits text" : $"splits text as '{name}'";
        throw new InvalidDataException(
            $"'{path}' has a tokenizer that {found}; the supported ways ('{GgufConstants.SplitterKey}') are "
            + $"{string.Join(", ", Splits.SelectMany(split => split.Names))}.");
    }

    private static TokenizerRules ScoredRules(string path, GgufReader file, List<string> tokens)
    {
        var scores = file.Optional<List<double>>(GgufConstants.ScoresKey)
            ?? throw new InvalidDataException($"'{path}' has a tokenizer without '{GgufConstants.ScoresKey}'.");
        if (scores.Count < tokens.Count)
        {
            throw new InvalidDataException($"'{path}' has {tokens.Count} tokens but scores for {scores.Count}.");
        }

        var ids = new Dictionary<string, int>(tokens.Count, StringComparer.Ordinal);
        for (int id = 0; id < tokens.Count; id++) ids.TryAdd(tokens[id], id);
        bool hasPrefix = file.Optional<bool?>(GgufConstants.AddsSpaceKey) ?? true;
        return new()
        {
            Split = TextSplit.Words,
            MergesCharacters = true,
            Scores = [.. scores.Take(tokens.Count).Select(score => (float)score)],
            ByteIds = BytePairVocabulary.ByteIdsOf(path, ids),
            SpacePrefix = hasPrefix ? SpacePrefix.Always : SpacePrefix.None,
            DropsFirstSpace = hasPrefix,
            AddsBeginningOfText = true,
        };
    }

    private static IReadOnlyList<(string Left, string Right)> Merges(string path, GgufReader file)
    {
        var merges = file.Optional<List<string>>(GgufConstants.MergesKey)
            ?? throw new InvalidDataException($"'{path}' has a tokenizer without '{GgufConstants.MergesKey}'.");
        return [.. merges.Select(merge => BytePairVocabulary.Merge(path, merge))];
    }

    private static string NameOf(SpelledVocabulary vocabulary)
    {
        var rules = vocabulary.Rules;
        if (rules.SpacePrefix != SpacePrefix.None) throw Unsupported("puts a space before each text");
        if (vocabulary.Added.FirstOrDefault(token => !token.IsPlain) is { Text: { } text })
        {
            throw Unsupported($"takes the characters around '{text}' into account (lstrip, rstrip or single_word)");
        }

        foreach (var (split, ignoresMerges, names) in Splits)
        {
            if ((split, ignoresMerges) == (rules.Split, rules.IgnoresMerges)) return names[0];
        }

        throw Unsupported($"splits text as {rules.Split}{(rules.IgnoresMerges ? " and ignores merges for whole pieces" : "")}");
    }

    private static void CheckScored(TokenizerRules rules)
    {
        if (rules.ByteIds is null) throw Unsupported("has no tokens for bytes");
        if (rules.Split != TextSplit.Words) throw Unsupported("splits runs of spaces");
        if (rules.IgnoresMerges) throw Unsupported("ignores merges for whole pieces");
    }

    private static ArgumentException Unsupported(string what) => new($"GGUF does not support a tokenizer that {what}.", "tokenizer");

    private static int[] Types(SpelledVocabulary vocabulary, int known, int size)
    {
        int[] types = new int[size];
        types.AsSpan(0, known).Fill(GgufConstants.NormalToken);
        types.AsSpan(known).Fill(GgufConstants.UnusedToken);
        foreach (int id in vocabulary.Rules.ByteIds ?? []) Set(id, GgufConstants.ByteToken);
        foreach (int id in vocabulary.HiddenIds) Set(id, GgufConstants.UnusedToken);
        foreach (var token in vocabulary.Added)
        {
            // Such a token is merged as well, and llama.cpp decodes only ordinary ones to spaces.
            bool hasSpaces = token.Text.Contains(BytePairTokenizer.SpelledSpace, StringComparison.Ordinal);
            if (hasSpaces && vocabulary.Rules.MergesCharacters && !token.IsSpecial) continue;
            Set(token.Id, token.IsSpecial ? GgufConstants.ControlToken : GgufConstants.UserDefinedToken);
        }

        if (vocabulary.Rules.MergesCharacters && vocabulary.UnknownId is { } unknown) Set(unknown, GgufConstants.UnknownToken);
        return types;

        void Set(int id, int type)
        {
            if (id < known) types[id] = type;
        }
    }
}
