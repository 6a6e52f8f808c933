using System.Text.Json;
using System.Text.Json.Serialization;
using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Transforms;

/// <summary>The options that a saved transformer keeps.</summary>
internal sealed record SavedOptions(GptTransformerOptions Transformer, GptModelOptions Model)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Converters = { new JsonStringEnumConverter() },
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        WriteIndented = true,
    };

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <param name="source">What the JSON was found in, for the message.</param>
    /// <param name="json">What <see cref="ToJson"/> wrote.</param>
    /// <exception cref="InvalidDataException">The JSON is damaged, or a field has a value that is not allowed; the message names the field.</exception>
    public static SavedOptions Parse(string source, string json)
    {
        try
        {
            var saved = JsonSerializer.Deserialize<SavedOptions>(json, Json);
            return saved is { Transformer: not null, Model: not null }
                ? saved
                : throw new JsonException($"{(saved?.Transformer is null ? nameof(Transformer) : nameof(Model))} is missing.");
        }
        catch (Exception error) when (error is JsonException or ArgumentException)
        {
            throw new InvalidDataException($"{source} holds no valid options of a GPT transformer: {error.Message}", error);
        }
    }
}
