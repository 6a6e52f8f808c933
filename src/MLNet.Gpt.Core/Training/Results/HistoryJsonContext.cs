using System.Text.Json.Serialization;

namespace MLNet.Gpt.Training.Results;

/// <summary>
/// Serialization code generated at compile time: no reflection at run time. Numbers are written so that they are read
/// back to the last bit.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    UseStringEnumConverter = true,
    WriteIndented = true)]
[JsonSerializable(typeof(TrainingHistory))]
internal sealed partial class HistoryJsonContext : JsonSerializerContext;
