using System.Text.Json.Serialization;
using MLNet.Gpt.Training.Checkpoints;

namespace MLNet.Gpt.Training;

/// <summary>
/// The serialiser's code, made when compiling: no reflection at run time. Numbers are written so that they are read
/// back to the last bit.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    UseStringEnumConverter = true,
    WriteIndented = true)]
[JsonSerializable(typeof(TrainingHistory))]
[JsonSerializable(typeof(SavedTraining))]
[JsonSerializable(typeof(CheckpointManifest))]
internal sealed partial class TrainingJsonContext : JsonSerializerContext;
