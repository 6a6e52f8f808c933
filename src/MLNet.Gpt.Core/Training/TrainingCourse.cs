using System.Globalization;
using System.Text.Json.Serialization;

namespace MLNet.Gpt.Training;

/// <summary>
/// What decides the course of a training and so must be the same when it is resumed: the batches, what is learned from
/// them, and the meaning of the engine's state. Length, learning rates, clipping, the evaluations' interval, samples
/// and checkpoints may change, and so are not in it.
/// </summary>
internal sealed record TrainingCourse(
    [property: JsonPropertyName("mode")] string Engine, long Seed, int BatchSize, int BatchesPerStep, bool DropsLastBatch, int? Stride, int Windows, long Targets, string FrozenWeights)
{
    // The first version of checkpoints has none of those below.

    public int? WindowLength { get; init; }

    /// <summary>SHA-256 of the ids to learn from.</summary>
    public string? TrainingTokens { get; init; }

    /// <summary>SHA-256 of the ids to measure on; empty where there are none.</summary>
    public string? ValidationTokens { get; init; }

    public double? Beta1 { get; init; }

    public double? Beta2 { get; init; }

    public double? Epsilon { get; init; }

    public double? WeightDecay { get; init; }

    public bool? DecaysMatricesOnly { get; init; }

    public double? LabelSmoothing { get; init; }

    /// <summary>Batches that an evaluation measures; 0 for all.</summary>
    public int? EvaluationBatches { get; init; }

    /// <summary>Whether the lowest loss is kept: one of other batches cannot be compared with it.</summary>
    public bool KeepsBest { get; init; }

    /// <summary>Reads all tokens once, for their fingerprint.</summary>
    public static TrainingCourse Of(TrainingOptions options, TrainingData data, CancellationToken cancellationToken) => new(
        options.Engine.Name,
        options.Seed,
        options.BatchSize,
        options.BatchesPerStep,
        options.DropsLastBatch,
        options.Stride,
        data.Training.Count,
        data.Training.TargetCount,
        string.Join(' ', options.FrozenWeights))
    {
        WindowLength = data.Training.ContextLength,
        TrainingTokens = data.Training.Fingerprint(cancellationToken),
        ValidationTokens = data.Validation?.Fingerprint(cancellationToken) ?? "",
        Beta1 = options.Beta1,
        Beta2 = options.Beta2,
        Epsilon = options.Epsilon,
        WeightDecay = options.WeightDecay,
        DecaysMatricesOnly = options.DecaysMatricesOnly,
        LabelSmoothing = options.LabelSmoothing,
        EvaluationBatches = options.EvaluationBatches ?? 0,
        KeepsBest = options.KeepsBestWeights,
    };

    /// <summary>
    /// Compares with the course that a checkpoint was written in; what an older checkpoint does not tell is taken to be
    /// the same.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// Something differs; the message names all that does, with both values.
    /// </exception>
    public void Check(TrainingCourse saved, string checkpoint)
    {
        string[] differences = [.. Settings().Zip(saved.Settings())
            .Where(pair => pair.First.IsTold && pair.Second.IsTold && !Equals(pair.First.Value, pair.Second.Value))
            .Select(pair => $"{pair.First.Name} is {Text(pair.First.Value)} and was {Text(pair.Second.Value)}")];
        if (differences.Length == 0) return;
        throw new ArgumentException($"The training cannot be resumed from '{checkpoint}', since it is another one: {string.Join("; ", differences)}.");
    }

    private IEnumerable<(string Name, object? Value, bool IsTold)> Settings()
    {
        yield return (nameof(TrainingOptions.Engine), CurrentName(Engine), true);
        yield return (nameof(TrainingOptions.Seed), Seed, true);
        yield return (nameof(TrainingOptions.BatchSize), BatchSize, true);
        yield return (nameof(TrainingOptions.BatchesPerStep), BatchesPerStep, true);
        yield return (nameof(TrainingOptions.DropsLastBatch), DropsLastBatch, true);
        yield return (nameof(TrainingOptions.Stride), Stride, true);
        yield return (nameof(TrainingOptions.FrozenWeights), FrozenWeights, true);
        yield return (nameof(TrainingOptions.Beta1), Beta1, Beta1 is not null);
        yield return (nameof(TrainingOptions.Beta2), Beta2, Beta2 is not null);
        yield return (nameof(TrainingOptions.Epsilon), Epsilon, Epsilon is not null);
        yield return (nameof(TrainingOptions.WeightDecay), WeightDecay, WeightDecay is not null);
        yield return (nameof(TrainingOptions.DecaysMatricesOnly), DecaysMatricesOnly, DecaysMatricesOnly is not null);
        yield return (nameof(TrainingOptions.LabelSmoothing), LabelSmoothing, LabelSmoothing is not null);
        yield return (nameof(TrainingOptions.EvaluationBatches), EvaluationBatches is 0 ? "all" : EvaluationBatches, EvaluationBatches is not null && KeepsBest);
        yield return ("the number of training windows", Windows, true);
        yield return ("the number of training targets", Targets, true);
        yield return ("the windows' length", WindowLength, WindowLength is not null);
        yield return ("the text to learn from (SHA-256 of its token ids)", TrainingTokens, TrainingTokens is not null);
        yield return ("the text to measure on (SHA-256 of its token ids)", ValidationTokens, ValidationTokens is not null);
    }

    // Checkpoints of the first version have the names of an enumeration.
    private static string CurrentName(string engine) => engine switch
    {
        "Fast" => TrainingEngine.Managed.Name,
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
