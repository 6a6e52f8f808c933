using System.Text;
using System.Text.Json;

namespace MLNet.Gpt.Formats.Metadata;

/// <summary>
/// A configuration as JSON. Every property is written, and none may be missing or unknown, so that a changed default
/// cannot change an old model. Written by hand, because compiling the serializer's code takes longer than reading GPT-2's
/// other metadata.
/// </summary>
internal static class GptConfigJson
{
    /// <summary>Its key in the metadata of our files.</summary>
    public const string MetadataKey = "mlnet_gpt.config";

    private const string VocabularySize = "vocabularySize";
    private const string ContextLength = "contextLength";
    private const string EmbeddingWidth = "embeddingWidth";
    private const string HeadCount = "headCount";
    private const string LayerCount = "layerCount";
    private const string DropoutRate = "dropoutRate";
    private const string HasQkvBias = "hasQkvBias";
    private const string HasTiedHead = "hasTiedHead";

    private static readonly string[] Names =
        [VocabularySize, ContextLength, EmbeddingWidth, HeadCount, LayerCount, DropoutRate, HasQkvBias, HasTiedHead];

    public static string Write(GptConfig config)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber(VocabularySize, config.VocabularySize);
            json.WriteNumber(ContextLength, config.ContextLength);
            json.WriteNumber(EmbeddingWidth, config.EmbeddingWidth);
            json.WriteNumber(HeadCount, config.HeadCount);
            json.WriteNumber(LayerCount, config.LayerCount);
            json.WriteNumber(DropoutRate, config.DropoutRate);
            json.WriteBoolean(HasQkvBias, config.HasQkvBias);
            json.WriteBoolean(HasTiedHead, config.HasTiedHead);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    /// <exception cref="InvalidDataException">
    /// The JSON is not a valid configuration; the message names the file.
    /// </exception>
    public static GptConfig Read(string file, string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            var root = document.RootElement;
            foreach (string name in Names)
            {
                if (!root.TryGetProperty(name, out _)) throw new JsonException($"It lacks '{name}'.");
            }

            foreach (var property in root.EnumerateObject())
            {
                if (!Names.Contains(property.Name)) throw new JsonException($"It has the unknown property '{property.Name}'.");
            }

            return new GptConfig
            {
                VocabularySize = root.Integer(VocabularySize),
                ContextLength = root.Integer(ContextLength),
                EmbeddingWidth = root.Integer(EmbeddingWidth),
                HeadCount = root.Integer(HeadCount),
                LayerCount = root.Integer(LayerCount),
                DropoutRate = root.GetProperty(DropoutRate).GetDouble(),
                HasQkvBias = root.GetProperty(HasQkvBias).GetBoolean(),
                HasTiedHead = root.GetProperty(HasTiedHead).GetBoolean(),
            }.Validated();
        }
        catch (Exception error) when (
            error is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or ArgumentException)
        {
            throw new InvalidDataException($"'{file}' does not contain a valid model configuration: {error.Message}", error);
        }
    }
}
