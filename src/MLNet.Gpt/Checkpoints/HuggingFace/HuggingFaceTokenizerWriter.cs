using System.Text;
using System.Text.Json;
using MLNet.Gpt.Checkpoints.Exporting;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Checkpoints.HuggingFace;

/// <summary>
/// Writes a tokenizer's files: GPT-2's as <c>GPT2TokenizerFast</c> does, a vocabulary of words as a <c>WordLevel</c> model of the tokenizers library that splits on
/// white space.
/// </summary>
internal static class HuggingFaceTokenizerWriter
{
    private const string Tokenizer = "tokenizer.json";
    private const string Config = "tokenizer_config.json";
    private const string Vocabulary = "vocab.json";
    private const string MergesFile = "merges.txt";

    public static IReadOnlyList<string> Names { get; } = [Tokenizer, Config, Vocabulary, MergesFile];

    /// <exception cref="ArgumentException">The tokenizer is of a kind that has no such form.</exception>
    public static IEnumerable<(string Name, byte[] Contents)> Files(ITextTokenizer? tokenizer, GptConfig config) => tokenizer switch
    {
        null => [],
        Gpt2Tokenizer =>
        [
            (Vocabulary, JsonFile.Write(json => WriteVocabulary(json, Gpt2VocabularyExporter.Tokens), indented: false)),
            (MergesFile, Encoding.UTF8.GetBytes("#version: 0.2\n" + string.Concat(Gpt2VocabularyExporter.MergeLines.Select(line => line + "\n")))),
            (Tokenizer, JsonFile.Write(WriteGpt2)),
            (Config, JsonFile.Write(json => WriteGpt2Config(json, config))),
        ],
        WordTokenizer words => [(Tokenizer, JsonFile.Write(json => WriteWords(json, words))), (Config, JsonFile.Write(json => WriteWordConfig(json, words, config)))],
        _ => throw new ArgumentException(
            $"A tokenizer of type {tokenizer.GetType()} has no form in a Hugging Face folder; {nameof(Gpt2Tokenizer)} and {nameof(WordTokenizer)} have.", nameof(tokenizer)),
    };

    private static void WriteGpt2(Utf8JsonWriter json)
    {
        WriteHead(json, Gpt2Vocabulary.EndOfText, Gpt2Vocabulary.EndOfTextId);
        WriteByteLevel(json, "pre_tokenizer", addPrefixSpace: false, trimOffsets: true);
        WriteByteLevel(json, "post_processor", addPrefixSpace: true, trimOffsets: false);
        WriteByteLevel(json, "decoder", addPrefixSpace: true, trimOffsets: true);
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteNull("unk_token");
        json.WriteString("continuing_subword_prefix", "");
        json.WriteString("end_of_word_suffix", "");
        json.WriteBoolean("fuse_unk", false);
        json.WriteBoolean("byte_fallback", false);
        json.WriteStartObject("vocab");
        WriteVocabulary(json, Gpt2VocabularyExporter.Tokens);
        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach (string line in Gpt2VocabularyExporter.MergeLines) json.WriteStringValue(line);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteGpt2Config(Utf8JsonWriter json, GptConfig config)
    {
        json.WriteBoolean("add_bos_token", false);
        json.WriteBoolean("add_prefix_space", false);
        json.WriteString("bos_token", Gpt2Vocabulary.EndOfText);
        json.WriteString("eos_token", Gpt2Vocabulary.EndOfText);
        json.WriteNumber("model_max_length", config.ContextLength);
        json.WriteString("tokenizer_class", "GPT2Tokenizer");
        json.WriteString("unk_token", Gpt2Vocabulary.EndOfText);
    }

    private static void WriteWords(Utf8JsonWriter json, WordTokenizer words)
    {
        WriteHead(json, words.EndOfTextId is { } id ? words.Words[id] : null, words.EndOfTextId);
        json.WriteStartObject("pre_tokenizer");
        json.WriteString("type", "WhitespaceSplit");
        json.WriteEndObject();
        json.WriteNull("post_processor");
        json.WriteNull("decoder"); // words with one blank between
        json.WriteStartObject("model");
        json.WriteString("type", "WordLevel");
        json.WriteStartObject("vocab");
        WriteVocabulary(json, words.Words);
        json.WriteEndObject();
        json.WriteString("unk_token", words.UnknownWord ?? ""); // a word outside the vocabulary: to the library, an unknown token outside it is an error as well
        json.WriteEndObject();
    }

    private static void WriteWordConfig(Utf8JsonWriter json, WordTokenizer words, GptConfig config)
    {
        if (words.EndOfTextId is { } id) json.WriteString("eos_token", words.Words[id]);
        json.WriteNumber("model_max_length", config.ContextLength);
        json.WriteString("tokenizer_class", "PreTrainedTokenizerFast");
        if (words.UnknownWord is { } unknown) json.WriteString("unk_token", unknown);
    }

    private static void WriteHead(Utf8JsonWriter json, string? special, int? id)
    {
        json.WriteString("version", "1.0");
        json.WriteNull("truncation");
        json.WriteNull("padding");
        json.WriteStartArray("added_tokens");
        if (special is not null)
        {
            json.WriteStartObject();
            json.WriteNumber("id", id!.Value);
            json.WriteString("content", special);
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

    private static void WriteVocabulary(Utf8JsonWriter json, IReadOnlyList<string> tokens)
    {
        for (int id = 0; id < tokens.Count; id++) json.WriteNumber(tokens[id], id);
    }
}
