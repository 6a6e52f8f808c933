using System.Globalization;
using System.Text.Json.Serialization;

namespace MLNet.Gpt.Training.Checkpoints;

/// <summary>
/// The settings and data that must be the same for training to resume: the batches, what is learned from them, and the
/// meaning of the engine's state. Length, learning rates, clipping, evaluation interval, samples and checkpoints may
/// change, so they are not part of it.
/// </summary>
internal sealed record TrainingFingerprint
{
    // The property names of the file are those of its first version.

    [JsonPropertyName("mode")]
    public required string Engine { get; init; }

    public required long Seed { get; init; }

    public required int BatchSize { get; init; }

    public required int BatchesPerStep { get; init; }

    [JsonPropertyName("dropsLastBatch")]
    public required bool DropLastBatch { get; init; }

    public required int? Stride { get; init; }

    public required int Windows { get; init; }

    public required long Targets { get; init; }

    public required string FrozenWeights { get; init; }

    /// <summary>The adapters that are trained; <see langword="null"/> for none.</summary>
    public string? Lora { get; init; }

    // Checkpoints of the first version have none of the following.

    public int? WindowLength { get; init; }

    /// <summary>SHA-256 of the training ids.</summary>
    public string? TrainingTokens { get; init; }

    /// <summary>SHA-256 of the validation ids; empty if there are none.</summary>
    public string? ValidationTokens { get; init; }

    public double? Beta1 { get; init; }

    public double? Beta2 { get; init; }

    public double? Epsilon { get; init; }

    public double? WeightDecay { get; init; }

    [JsonPropertyName("decaysMatricesOnly")]
    public bool? DecayMatricesOnly { get; init; }

    public double? LabelSmoothing { get; init; }

    /// <summary>Batches that an evaluation measures; 0 for all.</summary>
    public int? EvaluationBatches { get; init; }

    /// <summary>Whether the lowest loss is kept, which cannot be compared with a loss on other batches.</summary>
    [JsonPropertyName("keepsBest")]
    public bool KeepBest { get; init; }

    /// <summary>
    /// Compares with the fingerprint of a checkpoint. What an older checkpoint does not say is assumed to be the same.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// Something differs; the message names everything that does, with both values.
    /// </exception>
    public void Check(TrainingFingerprint saved, string checkpoint)
    {
        string[] differences = [.. Settings().Zip(saved.Settings())
            .Where(pair => pair.First.IsKnown && pair.Second.IsKnown && !Equals(pair.First.Value, pair.Second.Value))
            .Select(pair => $"{pair.First.Name} is {Text(pair.First.Value)} and was {Text(pair.Second.Value)}")];
        if (differences.Length == 0) return;
        throw new ArgumentException(
            $"Training cannot be resumed from '{checkpoint}', which belongs to another training run: {string.Join("; ", differences)}.");
    }

    private IEnumerable<(string Name, object? Value, bool IsKnown)> Settings()
    {
        yield return (nameof(Engine), CurrentName(Engine), true);
        yield return (nameof(Seed), Seed, true);
        yield return (nameof(BatchSize), BatchSize, true);
        yield return (nameof(BatchesPerStep), BatchesPerStep, true);
        yield return (nameof(DropLastBatch), DropLastBatch, true);
        yield return (nameof(Stride), Stride, true);
        yield return (nameof(FrozenWeights), FrozenWeights, true);
        yield return (nameof(Lora), Lora, true);
        yield return (nameof(Beta1), Beta1, Beta1 is not null);
        yield return (nameof(Beta2), Beta2, Beta2 is not null);
        yield return (nameof(Epsilon), Epsilon, Epsilon is not null);
        yield return (nameof(WeightDecay), WeightDecay, WeightDecay is not null);
        yield return (nameof(DecayMatricesOnly), DecayMatricesOnly, DecayMatricesOnly is not null);
        yield return (nameof(LabelSmoothing), LabelSmoothing, LabelSmoothing is not null);
        object? batches = EvaluationBatches is 0 ? "all" : EvaluationBatches;
        yield return (nameof(EvaluationBatches), batches, EvaluationBatches is not null && KeepBest);
        yield return ("the number of training windows", Windows, true);
        yield return ("the number of training targets", Targets, true);
        yield return ("the window length", WindowLength, WindowLength is not null);
        yield return ("the training text (SHA-256 of its token ids)", TrainingTokens, TrainingTokens is not null);
        yield return ("the validation text (SHA-256 of its token ids)", ValidationTokens, ValidationTokens is not null);
    }

    // Checkpoints of the first version contain the names of enumeration members.
    private static string CurrentName(string engine) => engine switch
    {
        "Fast" => "Managed",
        "PyTorchCompatible" => "PyTorchExact",
        _ => engine,
    };

    private static string Text(object? value) => value switch
    {
        null => "not set",
        "" => "empty",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };
}
