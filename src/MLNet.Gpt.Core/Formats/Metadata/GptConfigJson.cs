using System.Text.Json;
using System.Text.Json.Serialization;

namespace MLNet.Gpt.Formats.Metadata;

/// <summary>
/// A configuration as JSON. Every property is written, and none may be missing or unknown, so that a changed default
/// cannot change an old model.
/// </summary>
internal static class GptConfigJson
{
    /// <summary>Its key in the metadata of our files.</summary>
    public const string MetadataKey = "mlnet_gpt.config";

    public static string Write(GptConfig config) => JsonSerializer.Serialize(
        new Fields(
            config.VocabularySize,
            config.ContextLength,
            config.EmbeddingWidth,
            config.HeadCount,
            config.LayerCount,
            config.DropoutRate,
            config.HasQkvBias,
            config.HasTiedHead),
        GptConfigJsonContext.Default.Fields);

    /// <exception cref="InvalidDataException">
    /// The JSON is not a valid configuration; the message names the file.
    /// </exception>
    public static GptConfig Read(string file, string json)
    {
        try
        {
            var fields = JsonSerializer.Deserialize(json, GptConfigJsonContext.Default.Fields) ?? throw new JsonException("It is null.");
            return new GptConfig
            {
                VocabularySize = fields.VocabularySize,
                ContextLength = fields.ContextLength,
                EmbeddingWidth = fields.EmbeddingWidth,
                HeadCount = fields.HeadCount,
                LayerCount = fields.LayerCount,
                DropoutRate = fields.DropoutRate,
                HasQkvBias = fields.HasQkvBias,
                HasTiedHead = fields.HasTiedHead,
            }.Validated();
        }
        catch (Exception error) when (error is JsonException or ArgumentException)
        {
            throw new InvalidDataException($"'{file}' does not contain a valid model configuration: {error.Message}", error);
        }
    }

    internal sealed record Fields(
        int VocabularySize,
        int ContextLength,
        int EmbeddingWidth,
        int HeadCount,
        int LayerCount,
        double DropoutRate,
        bool HasQkvBias,
        bool HasTiedHead);
}

/// <summary>Serialization code generated at compile time: no reflection at run time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectRequiredConstructorParameters = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false)]
[JsonSerializable(typeof(GptConfigJson.Fields))]
internal sealed partial class GptConfigJsonContext : JsonSerializerContext;
