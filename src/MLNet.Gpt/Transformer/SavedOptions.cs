using System.Text.Json;
using System.Text.Json.Serialization;

namespace MLNet.Gpt.Transformer;

/// <summary>The options that are saved with a transformer.</summary>
/// <param name="Transformer">The transformer's options.</param>
/// <param name="Model">The options of its model that belong to the model, not to the machine that it ran on.</param>
internal sealed record SavedOptions(GptTransformerOptions Transformer, SavedOptions.ModelFields Model)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Converters = { new JsonStringEnumConverter(namingPolicy: null, allowIntegerValues: false) },
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        WriteIndented = true,
    };

    public static SavedOptions Of(GptTransformer transformer) => new(transformer.Options, new(transformer.Model.Options.Precision));

    public string ToJson() => ToJson(this);

    public static string ToJson<T>(T options) => JsonSerializer.Serialize(options, Json);

    /// <param name="source">Where the JSON comes from, for the message.</param>
    /// <param name="json">The JSON that <see cref="ToJson"/> wrote.</param>
    /// <exception cref="InvalidDataException">
    /// The JSON is damaged, or a field has a value that is not allowed; the message names the field.
    /// </exception>
    public static SavedOptions Parse(string source, string json) => Parse<SavedOptions>(source, json);

    /// <inheritdoc cref="Parse(string, string)"/>
    public static T Parse<T>(string source, string json)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(json, Json) ?? throw new JsonException("The options are null.");
        }
        catch (Exception error) when (error is JsonException or ArgumentException)
        {
            throw new InvalidDataException($"'{source}' does not have valid options of a GPT transformer: {error.Message}", error);
        }
    }

    /// <summary>How the model is stored in memory.</summary>
    internal sealed record ModelFields(WeightPrecision Precision)
    {
        /// <summary>Written by version 0.1 and ignored: the number of threads depends on the machine that loads the model.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public int? ThreadCount { get; init; }

        public GptModelOptions ToOptions() => new() { Precision = Precision };
    }
}
