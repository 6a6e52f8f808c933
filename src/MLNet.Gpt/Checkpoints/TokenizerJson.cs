using System.Text.Json;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Checkpoints;

/// <summary>A tokenizer as JSON: its kind, and where it has a vocabulary of its own, that.</summary>
internal static class TokenizerJson
{
    private const string Kind = "kind";
    private const string Gpt2 = "gpt2";
    private const string Words = "words";
    private const string UnknownWord = "unknownWord";
    private const string EndOfText = "endOfText";

    /// <exception cref="ArgumentException">The tokenizer is of a kind that cannot be saved.</exception>
    public static string Write(ITextTokenizer tokenizer)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            switch (tokenizer)
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
                    break;
                default:
                    throw new ArgumentException(
                        $"A tokenizer of type {tokenizer.GetType()} cannot be saved in a checkpoint; {nameof(Gpt2Tokenizer)} and {nameof(WordTokenizer)} can.", nameof(tokenizer));
            }

            json.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(buffer.ToArray());
    }

    /// <exception cref="InvalidDataException">The JSON is no tokenizer; the message names the file.</exception>
    public static ITextTokenizer Read(string file, string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            var root = document.RootElement;
            string? kind = root.GetProperty(Kind).GetString();
            return kind switch
            {
                Gpt2 => Gpt2Tokenizer.Instance,
                Words => new WordTokenizer(root.GetProperty(Words).EnumerateArray().Select(word => word.GetString()!), Optional(root, UnknownWord), Optional(root, EndOfText)),
                _ => throw new InvalidDataException($"'{file}' names a tokenizer of kind '{kind}'; '{Gpt2}' and '{Words}' are known."),
            };
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException or ArgumentException)
        {
            throw new InvalidDataException($"'{file}' holds no valid tokenizer: {error.Message}", error);
        }
    }

    private static string? Optional(JsonElement root, string key) => root.TryGetProperty(key, out var value) ? value.GetString() : null;
}
