using System.Text.Json;
using System.Text.Json.Serialization;
using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Transforms;

/// <summary>The options that a saved transformer keeps.</summary>
internal sealed record SavedOptions(GptTransformerOptions Transformer, GptModelOptions Model)
{
    public static JsonSerializerOptions Json { get; } = new()
    {
        Converters = { new JsonStringEnumConverter() },
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };
}
