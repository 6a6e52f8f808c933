using System.Text;
using System.Text.Json;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Formats.HuggingFace;

/// <summary>
/// Writes a tokenizer's files: byte-level BPE like <c>GPT2TokenizerFast</c>, and a word vocabulary as a
/// <c>WordLevel</c> model of the tokenizers library that splits on white space.
/// </summary>
internal static class HuggingFaceTokenizerWriter
{
    /// <exception cref="ArgumentException">The tokenizer is of an unsupported kind.</exception>
    public static IEnumerable<(string Name, byte[] Contents)> Files(ITextTokenizer? tokenizer, GptConfig config)
    {
        if (tokenizer is null) return [];
        tokenizer = FittedTokenizer.Original(tokenizer);
        if (tokenizer is WordTokenizer words)
        {
            return
            [
                (HuggingFaceConstants.WholeTokenizerFile, JsonFileWriter.Write(json => WriteWords(json, words))),
                (HuggingFaceConstants.TokenizerConfigFile, JsonFileWriter.Write(json => WriteWordConfig(json, words, config))),
            ];
        }

        var vocabulary = SpelledVocabulary.Of(tokenizer) ?? throw new ArgumentException(
            $"A Hugging Face folder does not support a tokenizer of type {tokenizer.GetType()}, only {nameof(Gpt2Tokenizer)}, "
            + $"{nameof(BytePairTokenizer)} and {nameof(WordTokenizer)} have.",
            nameof(tokenizer));
        return
        [
            (HuggingFaceConstants.VocabularyFile, JsonFileWriter.Write(json => WriteVocabulary(json, vocabulary.Tokens), indented: false)),
            (
                HuggingFaceConstants.MergesFile,
                Encoding.UTF8.GetBytes("#version: 0.2\n" + string.Concat(vocabulary.MergeLines.Select(line => line + "\n")))),
            (HuggingFaceConstants.WholeTokenizerFile, JsonFileWriter.Write(json => WriteBytePairs(json, vocabulary))),
            (HuggingFaceConstants.TokenizerConfigFile, JsonFileWriter.Write(json => WriteBytePairConfig(json, vocabulary, config))),
        ];
    }

    private static void WriteBytePairs(Utf8JsonWriter json, SpelledVocabulary vocabulary)
    {
        WriteHead(json, vocabulary.SpecialIds.Select(id => (id, vocabulary.Tokens[id])));
        WriteByteLevel(json, "pre_tokenizer", addPrefixSpace: false, trimOffsets: true);
        WriteByteLevel(json, "post_processor", addPrefixSpace: true, trimOffsets: false);
        WriteByteLevel(json, "decoder", addPrefixSpace: true, trimOffsets: true);
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        WriteOptional(json, "unk_token", vocabulary.Unknown);
        json.WriteString("continuing_subword_prefix", "");
        json.WriteString("end_of_word_suffix", "");
        json.WriteBoolean("fuse_unk", false);
        json.WriteBoolean("byte_fallback", false);
        json.WriteStartObject("vocab");
        WriteVocabulary(json, vocabulary.Tokens);
        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach (string line in vocabulary.MergeLines) json.WriteStringValue(line);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteBytePairConfig(Utf8JsonWriter json, SpelledVocabulary vocabulary, GptConfig config)
    {
        json.WriteBoolean("add_bos_token", false);
        json.WriteBoolean("add_prefix_space", false);
        WriteOptional(json, "bos_token", vocabulary.BeginningOfText);
        WriteOptional(json, "eos_token", vocabulary.EndOfText);
        json.WriteNumber("model_max_length", config.ContextLength);
        json.WriteString("tokenizer_class", "GPT2Tokenizer");
        WriteOptional(json, "unk_token", vocabulary.Unknown ?? vocabulary.EndOfText);
    }

    private static void WriteWords(Utf8JsonWriter json, WordTokenizer words)
    {
        WriteHead(
            json,
            new[] { words.BeginningOfTextId, words.EndOfTextId }.OfType<int>().Distinct().Order().Select(id => (id, words.Words[id])));
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

    private static void WriteHead(Utf8JsonWriter json, IEnumerable<(int Id, string Text)> specials)
    {
        json.WriteString("version", "1.0");
        json.WriteNull("truncation");
        json.WriteNull("padding");
        json.WriteStartArray("added_tokens");
        foreach (var (id, text) in specials)
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            json.WriteString("content", text);
            json.WriteBoolean("single_word", false);
            json.WriteBoolean("lstrip", false);
            json.WriteBoolean("rstrip", false);
            json.WriteBoolean("normalized", false);
            json.WriteBoolean("special", true);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNull("normalizer");
    }

    private static void WriteByteLevel(Utf8JsonWriter json, string name, bool addPrefixSpace, bool trimOffsets)
    {
        json.WriteStartObject(name);
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", addPrefixSpace);
        json.WriteBoolean("trim_offsets", trimOffsets);
        json.WriteBoolean("use_regex", true);
        json.WriteEndObject();
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
