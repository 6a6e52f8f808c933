using System.Text.Json;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Formats.HuggingFace;

/// <summary>Writes the steps that <see cref="TokenizerPipeline"/> reads, in the form of the supported families' files.</summary>
internal static class TokenizerPipelineWriter
{
    private const string Space = " ", SpelledSpace = "\u2581";

    /// <exception cref="ArgumentException">The file does not support the rules.</exception>
    public static void Write(Utf8JsonWriter json, SpelledVocabulary vocabulary)
    {
        if (vocabulary.Rules.MergesCharacters) WriteCharacters(json, vocabulary);
        else WriteBytes(json, vocabulary);
    }

    private static void WriteBytes(Utf8JsonWriter json, SpelledVocabulary vocabulary)
    {
        var rules = vocabulary.Rules;
        if (rules.NormalizesToNfc) Step(json, "normalizer", "NFC", () => { });
        else json.WriteNull("normalizer");
        bool isPrefixed = rules.SpacePrefix != SpacePrefix.None;
        switch (rules.Split)
        {
            case TextSplit.Gpt2:
                WriteByteLevel(json, "pre_tokenizer", isPrefixed, trimOffsets: true);
                break;
            case TextSplit.SingleDigits:
                WriteSequence(json, "pre_tokenizer", "pretokenizers", () =>
                {
                    Step(json, null, "Digits", () => json.WriteBoolean("individual_digits", true));
                    WriteByteLevel(json, null, addPrefixSpace: false, trimOffsets: true);
                });
                break;
            case var split:
                string pattern = TokenizerPipeline.Patterns.FirstOrDefault(known => known.Split == split).Pattern
                    ?? throw new ArgumentException(
                        $"A Hugging Face folder does not support a tokenizer that splits text as {split}.", "tokenizer");
                WriteSequence(json, "pre_tokenizer", "pretokenizers", () =>
                {
                    Step(json, null, "Split", () =>
                    {
                        json.WriteStartObject("pattern");
                        json.WriteString("Regex", pattern);
                        json.WriteEndObject();
                        json.WriteString("behavior", "Isolated");
                        json.WriteBoolean("invert", false);
                    });
                    WriteByteLevel(json, null, addPrefixSpace: false, trimOffsets: true, useRegex: false);
                });
                break;
        }

        WritePostProcessor(json, vocabulary, () => WriteByteLevel(json, "post_processor", addPrefixSpace: true, trimOffsets: false));
        WriteByteLevel(json, "decoder", addPrefixSpace: true, trimOffsets: true);
    }

    private static void WriteCharacters(Utf8JsonWriter json, SpelledVocabulary vocabulary)
    {
        var rules = vocabulary.Rules;
        bool isNormalized = rules.SpacePrefix is SpacePrefix.None or SpacePrefix.Always && rules.Split == TextSplit.Words;
        if (isNormalized)
        {
            WriteSequence(json, "normalizer", "normalizers", () =>
            {
                if (rules.SpacePrefix == SpacePrefix.Always) Step(json, null, "Prepend", () => json.WriteString("prepend", SpelledSpace));
                Replace(json, Space, SpelledSpace);
            });
            json.WriteNull("pre_tokenizer");
        }
        else
        {
            json.WriteNull("normalizer");
            Step(json, "pre_tokenizer", "Metaspace", () =>
            {
                json.WriteString("replacement", SpelledSpace);
                json.WriteString("prepend_scheme", rules.SpacePrefix switch
                {
                    SpacePrefix.None => "never",
                    SpacePrefix.IfMissingAtStart => "first",
                    _ => "always",
                });
                json.WriteBoolean("split", rules.Split == TextSplit.Spaces);
            });
        }

        WritePostProcessor(json, vocabulary, () => json.WriteNull("post_processor"));
        WriteSequence(json, "decoder", "decoders", () =>
        {
            Replace(json, SpelledSpace, Space);
            Step(json, null, "ByteFallback", () => { });
            Step(json, null, "Fuse", () => { });
            if (!rules.DropsFirstSpace) return;
            Step(json, null, "Strip", () =>
            {
                json.WriteString("content", Space);
                json.WriteNumber("start", 1);
                json.WriteNumber("stop", 0);
            });
        });
    }

    private static void WritePostProcessor(Utf8JsonWriter json, SpelledVocabulary vocabulary, Action otherwise)
    {
        if (!vocabulary.Rules.AddsBeginningOfText || vocabulary.BeginningOfText is not { } beginning)
        {
            otherwise();
            return;
        }

        Step(json, "post_processor", "TemplateProcessing", () =>
        {
            WriteTemplate("single", ["A"]);
            WriteTemplate("pair", ["A", "B"]);
            json.WriteStartObject("special_tokens");
            json.WriteStartObject(beginning);
            json.WriteString("id", beginning);
            json.WriteStartArray("ids");
            json.WriteNumberValue(vocabulary.BeginningOfTextId!.Value);
            json.WriteEndArray();
            json.WriteStartArray("tokens");
            json.WriteStringValue(beginning);
            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteEndObject();
        });

        void WriteTemplate(string name, string[] texts)
        {
            json.WriteStartArray(name);
            for (int i = 0; i < texts.Length; i++)
            {
                WriteItem("SpecialToken", beginning, i);
                WriteItem("Sequence", texts[i], i);
            }

            json.WriteEndArray();
        }

        void WriteItem(string kind, string id, int text)
        {
            json.WriteStartObject();
            json.WriteStartObject(kind);
            json.WriteString("id", id);
            json.WriteNumber("type_id", text);
            json.WriteEndObject();
            json.WriteEndObject();
        }
    }

    private static void WriteByteLevel(Utf8JsonWriter json, string? name, bool addPrefixSpace, bool trimOffsets, bool useRegex = true) =>
        Step(json, name, "ByteLevel", () =>
        {
            json.WriteBoolean("add_prefix_space", addPrefixSpace);
            json.WriteBoolean("trim_offsets", trimOffsets);
            json.WriteBoolean("use_regex", useRegex);
        });

    private static void Replace(Utf8JsonWriter json, string from, string to) => Step(json, null, "Replace", () =>
    {
        json.WriteStartObject("pattern");
        json.WriteString("String", from);
        json.WriteEndObject();
        json.WriteString("content", to);
    });

    private static void WriteSequence(Utf8JsonWriter json, string name, string listName, Action writeSteps) =>
        Step(json, name, "Sequence", () =>
        {
            json.WriteStartArray(listName);
            writeSteps();
            json.WriteEndArray();
        });

    private static void Step(Utf8JsonWriter json, string? name, string type, Action writeProperties)
    {
        if (name is null) json.WriteStartObject();
        else json.WriteStartObject(name);
        json.WriteString("type", type);
        writeProperties();
        json.WriteEndObject();
    }
}
