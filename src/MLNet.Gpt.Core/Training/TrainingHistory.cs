using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Training;

namespace MLNet.Gpt;

/// <summary>What a training measured and wrote on its way.</summary>
/// <param name="Points">The evaluations in order: the first before training, the last after it.</param>
/// <param name="Duration">How long it took, evaluations among it and breaks left out.</param>
public sealed record TrainingHistory(IReadOnlyList<TrainingPoint> Points, TimeSpan Duration)
{
    /// <summary>What was measured before training.</summary>
    [JsonIgnore]
    public TrainingPoint First => Points[0];

    /// <summary>What was measured after training.</summary>
    [JsonIgnore]
    public TrainingPoint Last => Points[^1];

    /// <summary>
    /// The evaluation with the lowest validation loss, the first of equal ones; <see langword="null"/> where there is
    /// no validation data.
    /// </summary>
    [JsonIgnore]
    public TrainingPoint? Best => Points.Where(point => point.ValidationLoss is not null).MinBy(point => point.ValidationLoss);

    /// <summary>The texts that were written after the epochs.</summary>
    public IReadOnlyList<TrainingSample> Samples { get; init; } = [];

    /// <summary>Why it ended.</summary>
    public TrainingEnding Ending { get; init => field = Check.Defined(value, nameof(Ending)); }

    /// <summary>Steps that changed nothing, since their loss was no number.</summary>
    public int SkippedSteps { get; init; }

    /// <summary>
    /// The evaluations as a table of comma-separated values, a line each after one with the names: step, epoch, epochs_done, tokens_seen,
    /// training_loss, validation_loss, validation_perplexity, learning_rate, elapsed_seconds. What there is not is left empty.
    /// </summary>
    public string ToCsv()
    {
        var table = new StringBuilder("step,epoch,epochs_done,tokens_seen,training_loss,validation_loss,validation_perplexity,learning_rate,elapsed_seconds\n");
        foreach (var point in Points)
        {
            table.Append(
                CultureInfo.InvariantCulture,
                $"{point.Step},{point.Epoch},{point.EpochsDone},{point.TokensSeen},{point.TrainingLoss},{point.ValidationLoss},{point.ValidationPerplexity},{point.LearningRate},{point.Elapsed.TotalSeconds}\n");
        }

        return table.ToString();
    }

    /// <summary>All of this as JSON, which <see cref="FromJson"/> reads back to the last bit.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, TrainingJsonContext.Default.TrainingHistory);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="FormatException">The text is no history.</exception>
    public static TrainingHistory FromJson(string json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, TrainingJsonContext.Default.TrainingHistory) is { Points.Count: > 0 } history
                ? history
                : throw new FormatException("The text is no training history: it has no points.");
        }
        catch (Exception wrong) when (wrong is JsonException or ArgumentException)
        {
            throw new FormatException($"The text is no training history: {wrong.Message}", wrong);
        }
    }
}
