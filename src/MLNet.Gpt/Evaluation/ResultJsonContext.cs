using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace MLNet.Gpt.Evaluation;

/// <summary>The serialiser's code, made when compiling. Text is written as it is, not in escapes, as the files are UTF-8.</summary>
[JsonSerializable(typeof(ResultLine))]
internal sealed partial class ResultJsonContext : JsonSerializerContext
{
    /// <summary>The context to use.</summary>
    public static ResultJsonContext Readable => field ??= new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        RespectRequiredConstructorParameters = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
