using System.Text.Json.Serialization;

namespace MLNet.Gpt.Formats;

/// <summary>The serialiser's code, made when compiling: no reflection at run time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectRequiredConstructorParameters = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false)]
[JsonSerializable(typeof(GptConfigJson.Fields))]
internal sealed partial class GptConfigJsonContext : JsonSerializerContext;
