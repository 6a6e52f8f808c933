using System.Text.Json;
using System.Text.Json.Serialization;

namespace MLNet.Gpt.Formats.Package;

/// <summary>The entry of a package that describes it.</summary>
/// <param name="Format">Always <see cref="FormatName"/>.</param>
/// <param name="FormatVersion">The version of the layout.</param>
/// <param name="Library">The version of the library that wrote it, for information.</param>
/// <param name="WeightsSha256">The checksum of the weights, in hexadecimal.</param>
/// <param name="Options">The transformer's options, as they were when it was saved.</param>
internal sealed record PackageMetadata(string Format, int FormatVersion, string Library, string WeightsSha256, JsonElement Options)
{
    public const string FormatName = "MLNet.Gpt.Transformer";
    public const int CurrentVersion = 1;

    private const string FormatKey = "format", FormatVersionKey = "formatVersion";

    /// <param name="options">The options as JSON.</param>
    /// <param name="weightsSha256">The checksum of the weights.</param>
    public static PackageMetadata Create(string options, string weightsSha256)
    {
        using var document = JsonDocument.Parse(options);
        string library = typeof(PackageMetadata).Assembly.GetName().Version?.ToString(3) ?? string.Empty;
        return new(FormatName, CurrentVersion, library, weightsSha256, document.RootElement.Clone());
    }

    public string ToJson() => JsonSerializer.Serialize(this, PackageJsonContext.Default.PackageMetadata);

    /// <param name="source">The entry, for messages.</param>
    /// <param name="json">The output of <see cref="ToJson"/>.</param>
    /// <exception cref="InvalidDataException">
    /// The metadata are damaged, of another format or of a newer version; the message names the field.
    /// </exception>
    public static PackageMetadata Parse(string source, string json)
    {
        try
        {
            // The version first: a newer one may have other fields.
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            string? format = document.RootElement.GetProperty(FormatKey).GetString();
            if (format != FormatName) throw new InvalidDataException($"'{source}': {FormatKey} is '{format}'; it must be '{FormatName}'.");
            int version = document.RootElement.GetProperty(FormatVersionKey).GetInt32();
            if (version is < 1 or > CurrentVersion)
            {
                throw new InvalidDataException(
                    $"'{source}': {FormatVersionKey} is {version}; this library reads versions up to {CurrentVersion}.");
            }

            return JsonSerializer.Deserialize(json, PackageJsonContext.Default.PackageMetadata)!;
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"'{source}' is not package metadata: {error.Message}", error);
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    WriteIndented = true)]
[JsonSerializable(typeof(PackageMetadata))]
internal sealed partial class PackageJsonContext : JsonSerializerContext;
