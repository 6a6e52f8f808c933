using System.Text.Json;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Formats.Metadata;

/// <summary>A tokenizer as JSON: its kind, and its vocabulary if it has one of its own.</summary>
internal static class TokenizerJson
{
    /// <summary>Its key in the metadata of our files.</summary>
    public const string MetadataKey = "mlnet_gpt.tokenizer";

    private const string Kind = "kind";
    private const string Gpt2 = "gpt2";
    private const string Words = "words";
    private const string BytePairs = "bpe";
    private const string Tokens = "tokens";
    private const string Merges = "merges";
    private const string Specials = "specials";
    private const string Unknown = "unknown";
    private const string UnknownWord = "unknownWord";
    private const string EndOfText = "endOfText";
    private const string Size = "size"; // omitted if it is the model's
    private const string BeginningOfText = "beginningOfText"; // omitted if it is the end of text

    /// <exception cref="ArgumentException">The tokenizer is of a kind that cannot be saved.</exception>
    public static string Write(ITextTokenizer tokenizer)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            var original = FittedTokenizer.Original(tokenizer);
            if (original.VocabularySize != tokenizer.VocabularySize) json.WriteNumber(Size, original.VocabularySize);
            switch (original)
            {
                case Gpt2Tokenizer:
                    json.WriteString(Kind, Gpt2);
                    break;
                case WordTokenizer words:
                    json.WriteString(Kind, Words);
                    json.WriteStartArray(Words);
                    foreach (string word in words.Words) json.WriteStringValue(word);
                    json.WriteEndArray();
                    if (words.UnknownWord is { } unknown) json.WriteString(UnknownWord, unknown);
                    if (words.EndOfTextId is { } endOfText) json.WriteString(EndOfText, words.Words[endOfText]);
                    if (words.BeginningOfTextId is { } beginning && beginning != words.EndOfTextId)
                    {
                        json.WriteString(BeginningOfText, words.Words[beginning]);
                    }

                    break;
                case BytePairTokenizer pairs:
                    WriteBytePairs(json, pairs);
                    break;
                case var other:
                    throw new ArgumentException(
                        $"A tokenizer of type {other.GetType()} cannot be saved in a checkpoint; "
                        + $"{nameof(Gpt2Tokenizer)}, {nameof(BytePairTokenizer)} and {nameof(WordTokenizer)} can.",
                        nameof(tokenizer));
            }

            json.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(buffer.ToArray());
    }

    /// <summary>Reads a tokenizer and fits it to its model.</summary>
    /// <exception cref="InvalidDataException">
    /// The JSON is not a tokenizer, or not that of the model; the message names the file.
    /// </exception>
    public static ITextTokenizer Read(string file, string json, int vocabularySize)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            var tokenizer = Read(file, document.RootElement);
            bool isWhole = tokenizer.VocabularySize == (Id(document.RootElement, Size) ?? vocabularySize);
            return (isWhole ? FittedTokenizer.TryFit(tokenizer, vocabularySize) : null)
                ?? throw new InvalidDataException(
                    $"'{file}' is damaged: its tokenizer has {tokenizer.VocabularySize} ids, its model {vocabularySize}.");
        }
        catch (Exception error) when (
            error is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or ArgumentException)
        {
            throw new InvalidDataException($"'{file}' does not contain a valid tokenizer: {error.Message}", error);
        }
    }

    /// <summary>Returns whether an object has the form that this class writes.</summary>
    public static bool IsIn(JsonElement root) => root.TryGetProperty(Kind, out _);

    /// <summary>
    /// Reads the object that <see cref="Write"/> writes; the caller catches the exceptions of damaged JSON.
    /// </summary>
    public static ITextTokenizer Read(string file, JsonElement root)
    {
        string? kind = root.GetProperty(Kind).GetString();
        return kind switch
        {
            Gpt2 => Gpt2Tokenizer.Instance,
            Words => new WordTokenizer(
                root.GetProperty(Words).EnumerateArray().Select(word => word.GetString()!),
                Optional(root, UnknownWord),
                Optional(root, EndOfText),
                Optional(root, BeginningOfText)),
            BytePairs => ReadBytePairs(root),
            _ =>
                throw new InvalidDataException(
                    $"'{file}' has a tokenizer of kind '{kind}'; only '{Gpt2}', '{BytePairs}' and '{Words}' are supported."),
        };
    }

    private static void WriteBytePairs(Utf8JsonWriter json, BytePairTokenizer tokenizer)
    {
        json.WriteString(Kind, BytePairs);
        json.WriteStartArray(Tokens);
        for (int id = 0; id < tokenizer.VocabularySize; id++) json.WriteBase64StringValue(tokenizer.TokenBytes(id).Span);
        json.WriteEndArray();
        json.WriteStartArray(Merges); // two ids per merge
        foreach (var (left, right) in tokenizer.Merges)
        {
            json.WriteNumberValue(left);
            json.WriteNumberValue(right);
        }

        json.WriteEndArray();
        json.WriteStartArray(Specials);
        foreach (int id in tokenizer.SpecialIds) json.WriteNumberValue(id);
        json.WriteEndArray();
        if (tokenizer.EndOfTextId is { } endOfText) json.WriteNumber(EndOfText, endOfText);
        if (tokenizer.BeginningOfTextId is { } beginning && beginning != tokenizer.EndOfTextId)
        {
            json.WriteNumber(BeginningOfText, beginning);
        }

        if (tokenizer.UnknownId is { } unknown) json.WriteNumber(Unknown, unknown);
    }

    private static BytePairTokenizer ReadBytePairs(JsonElement root)
    {
        int[] merges = [.. root.GetProperty(Merges).EnumerateArray().Select(id => id.GetInt32())];
        if (merges.Length % 2 != 0) throw new JsonException("The last merge has only one id.");
        return new(
            [.. root.GetProperty(Tokens).EnumerateArray().Select(token => token.GetBytesFromBase64())],
            [.. merges.Chunk(2).Select(pair => (pair[0], pair[1]))],
            [.. root.GetProperty(Specials).EnumerateArray().Select(id => id.GetInt32())],
            Id(root, EndOfText),
            Id(root, Unknown),
            Id(root, BeginningOfText));
    }

    private static int? Id(JsonElement root, string key) => root.TryGetProperty(key, out var value) ? value.GetInt32() : null;

    private static string? Optional(JsonElement root, string key) => root.TryGetProperty(key, out var value) ? value.GetString() : null;
}
