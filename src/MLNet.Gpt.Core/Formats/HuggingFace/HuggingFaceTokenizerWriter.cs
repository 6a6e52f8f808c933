using System.Text;
using System.Text.Json;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Formats.HuggingFace;

/// <summary>
/// Writes a tokenizer's files: BPE, with GPT-2's rules like <c>GPT2TokenizerFast</c>, and a word vocabulary as a
/// <c>WordLevel</c> model of the tokenizers library that splits on white space.
/// </summary>
internal static class HuggingFaceTokenizerWriter
{
    /// <summary>Returns the contents of a <c>tokenizer.json</c>.</summary>
    /// <exception cref="ArgumentException">The tokenizer is of an unsupported kind.</exception>
    public static byte[] WholeFile(ITextTokenizer tokenizer) => FittedTokenizer.Original(tokenizer) is WordTokenizer words
        ? JsonFileWriter.Write(json => WriteWords(json, words))
        : JsonFileWriter.Write(json => WriteBytePairs(json, VocabularyOf(tokenizer)));

    /// <summary>Returns the files of a tokenizer in the folder of a model.</summary>
    /// <exception cref="ArgumentException">The tokenizer is of an unsupported kind.</exception>
    public static IEnumerable<(string Name, byte[] Contents)> Files(ITextTokenizer? tokenizer, GptConfig config)
    {
        if (tokenizer is null) return [];
        (string, byte[]) whole = (HuggingFaceConstants.WholeTokenizerFile, WholeFile(tokenizer));
        if (FittedTokenizer.Original(tokenizer) is WordTokenizer words)
        {
            return [whole, (HuggingFaceConstants.TokenizerConfigFile, JsonFileWriter.Write(json => WriteWordConfig(json, words, config)))];
        }

        var vocabulary = VocabularyOf(tokenizer);
        (string, byte[]) settings =
            (HuggingFaceConstants.TokenizerConfigFile, JsonFileWriter.Write(json => WriteBytePairConfig(json, vocabulary, config)));

        // The two older files do not say how text is split, and programs that read them assume GPT-2's way.
        if (!vocabulary.Rules.EncodesAsGpt2) return [whole, settings];
        return
        [
            (HuggingFaceConstants.VocabularyFile, JsonFileWriter.Write(json => WriteVocabulary(json, vocabulary.Tokens), indented: false)),
            (
                HuggingFaceConstants.MergesFile,
                Encoding.UTF8.GetBytes("#version: 0.2\n" + string.Concat(vocabulary.MergeLines.Select(line => line + "\n")))),
            whole,
            settings,
        ];
    }

    private static SpelledVocabulary VocabularyOf(ITextTokenizer tokenizer)
    {
        tokenizer = FittedTokenizer.Original(tokenizer);
        var vocabulary = SpelledVocabulary.Of(tokenizer) ?? throw new ArgumentException(
            $"Hugging Face's files do not support a tokenizer of type {tokenizer.GetType()}, only {nameof(Gpt2Tokenizer)}, "
            + $"{nameof(BytePairTokenizer)} and {nameof(WordTokenizer)}.",
            nameof(tokenizer));
        vocabulary.CheckMergesAreOrdered(nameof(tokenizer));
        return vocabulary;
    }

    private static void WriteBytePairs(Utf8JsonWriter json, SpelledVocabulary vocabulary)
    {
        var rules = vocabulary.Rules;
        WriteHead(json, vocabulary.Added);
        TokenizerPipelineWriter.Write(json, vocabulary);
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        WriteOptional(json, "unk_token", vocabulary.Unknown);
        json.WriteString("continuing_subword_prefix", "");
        json.WriteString("end_of_word_suffix", "");
        json.WriteBoolean("fuse_unk", rules.FusesUnknown);
        json.WriteBoolean("byte_fallback", rules.ByteIds is not null);
        if (rules.IgnoresMerges) json.WriteBoolean("ignore_merges", true);
        json.WriteStartObject("vocab");
        WriteVocabulary(json, vocabulary.Tokens);
        json.WriteEndObject();
        json.WriteStartArray("merges");
        if (rules.MergesCharacters)
        {
            foreach (var (left, right) in vocabulary.Merges) WritePair(json, vocabulary.Tokens[left], vocabulary.Tokens[right]);
        }
        else foreach (string line in vocabulary.MergeLines) json.WriteStringValue(line);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    // Their tokens may contain white space, which separates two tokens in a line.
    private static void WritePair(Utf8JsonWriter json, string left, string right)
    {
        json.WriteStartArray();
        json.WriteStringValue(left);
        json.WriteStringValue(right);
        json.WriteEndArray();
    }

    private static void WriteBytePairConfig(Utf8JsonWriter json, SpelledVocabulary vocabulary, GptConfig config)
    {
        var rules = vocabulary.Rules;
        json.WriteBoolean("add_bos_token", rules.AddsBeginningOfText);
        if (!rules.MergesCharacters) json.WriteBoolean("add_prefix_space", rules.SpacePrefix != SpacePrefix.None);
        WriteOptional(json, "bos_token", vocabulary.BeginningOfText);
        if (rules.ChatTemplate is { } template) json.WriteString("chat_template", template);
        WriteOptional(json, "eos_token", vocabulary.EndOfText);
        json.WriteNumber("model_max_length", config.ContextLength);
        json.WriteString("tokenizer_class", rules.EncodesAsGpt2 ? "GPT2Tokenizer" : "PreTrainedTokenizerFast");
        WriteOptional(json, "unk_token", vocabulary.Unknown ?? (rules.EncodesAsGpt2 ? vocabulary.EndOfText : null));
    }

    private static void WriteWords(Utf8JsonWriter json, WordTokenizer words)
    {
        WriteHead(
            json,
            new[] { words.BeginningOfTextId, words.EndOfTextId }.OfType<int>().Distinct().Order()
                .Select(id => new AddedToken(id, words.Words[id])));
        json.WriteNull("normalizer");
        json.WriteStartObject("pre_tokenizer");
        json.WriteString("type", "WhitespaceSplit");
        json.WriteEndObject();
        json.WriteNull("post_processor");
        json.WriteNull("decoder"); // words separated by one space
        json.WriteStartObject("model");
        json.WriteString("type", "WordLevel");
        json.WriteStartObject("vocab");
        WriteVocabulary(json, words.Words);
        json.WriteEndObject();
        // a token outside the vocabulary, so that an unknown word is an error there as well
        json.WriteString("unk_token", words.UnknownWord ?? "");
        json.WriteEndObject();
    }

    private static void WriteWordConfig(Utf8JsonWriter json, WordTokenizer words, GptConfig config)
    {
        WriteOptional(json, "bos_token", words.BeginningOfTextId is { } beginning ? words.Words[beginning] : null);
        WriteOptional(json, "eos_token", words.EndOfTextId is { } end ? words.Words[end] : null);
        json.WriteNumber("model_max_length", config.ContextLength);
        json.WriteString("tokenizer_class", "PreTrainedTokenizerFast");
        if (words.UnknownWord is { } unknown) json.WriteString("unk_token", unknown);
    }

    private static void WriteHead(Utf8JsonWriter json, IEnumerable<AddedToken> added)
    {
        json.WriteString("version", "1.0");
        json.WriteNull("truncation");
        json.WriteNull("padding");
        json.WriteStartArray("added_tokens");
        foreach (var token in added)
        {
            json.WriteStartObject();
            json.WriteNumber("id", token.Id);
            json.WriteString("content", token.Text);
            json.WriteBoolean("single_word", token.IsSingleWord);
            json.WriteBoolean("lstrip", token.StripsLeft);
            json.WriteBoolean("rstrip", token.StripsRight);
            json.WriteBoolean("normalized", false);
            json.WriteBoolean("special", token.IsSpecial);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteOptional(Utf8JsonWriter json, string name, string? text)
    {
        if (text is null) json.WriteNull(name);
        else json.WriteString(name, text);
    }

    private static void WriteVocabulary(Utf8JsonWriter json, IReadOnlyList<string> tokens)
    {
        for (int id = 0; id < tokens.Count; id++) json.WriteNumber(tokens[id], id);
    }
}
