using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Training.Results;

namespace MLNet.Gpt;

/// <summary>What was measured and written during training.</summary>
public sealed class TrainingHistory
{
    /// <summary>The evaluations in order: the first before training, the last after it; at least one.</summary>
    public required IReadOnlyList<TrainingPoint> Points { get; init; }

    /// <summary>The time that training took, including evaluations but not interruptions.</summary>
    public TimeSpan Duration { get; init; }

    /// <summary>The texts that were written after the epochs.</summary>
    public IReadOnlyList<TrainingSample> Samples { get; init; } = [];

    /// <summary>Why training ended.</summary>
    public TrainingEnding Ending { get; init => field = Check.Defined(value, nameof(Ending)); }

    /// <summary>Steps that changed nothing, because their loss was NaN or infinite.</summary>
    public int SkippedSteps { get; init; }

    /// <summary>The evaluation before training.</summary>
    [JsonIgnore]
    public TrainingPoint First => Points[0];

    /// <summary>The evaluation after training.</summary>
    [JsonIgnore]
    public TrainingPoint Last => Points[^1];

    /// <summary>
    /// The evaluation with the lowest validation loss, the first of equal ones; <see langword="null"/> without
    /// validation data.
    /// </summary>
    [JsonIgnore]
    public TrainingPoint? Best =>
        Points.Where(point => point.ValidationLoss is not null).MinBy(point => point.ValidationLoss);

    /// <summary>
    /// Returns the evaluations as comma-separated values, one line each after a line of names: step, epoch,
    /// epochs_done, tokens_seen, training_loss, validation_loss, validation_perplexity, learning_rate, elapsed_seconds.
    /// If classes are learned, training_accuracy and validation_accuracy follow. Missing values are empty.
    /// </summary>
    public string ToCsv()
    {
        bool hasAccuracy = Points.Any(point => point.TrainingAccuracy is not null);
        var table = new StringBuilder(
            "step,epoch,epochs_done,tokens_seen,training_loss,validation_loss,validation_perplexity,learning_rate,elapsed_seconds");
        table.Append(hasAccuracy ? ",training_accuracy,validation_accuracy\n" : "\n");
        foreach (var point in Points)
        {
            table.Append(CultureInfo.InvariantCulture, $"{point.Step},{point.Epoch},{point.EpochsDone},{point.TokensSeen},");
            table.Append(
                CultureInfo.InvariantCulture, $"{point.TrainingLoss},{point.ValidationLoss},{point.ValidationPerplexity},");
            table.Append(CultureInfo.InvariantCulture, $"{point.LearningRate},{point.Elapsed.TotalSeconds}");
            if (hasAccuracy) table.Append(CultureInfo.InvariantCulture, $",{point.TrainingAccuracy},{point.ValidationAccuracy}");
            table.Append('\n');
        }

        return table.ToString();
    }

    /// <summary>Returns the history as JSON, which <see cref="FromJson"/> reads back to the last bit.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, HistoryJsonContext.Default.TrainingHistory);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="FormatException">The text is not a training history.</exception>
    public static TrainingHistory FromJson(string json)
    {
        try
        {
            var history = JsonSerializer.Deserialize(json, HistoryJsonContext.Default.TrainingHistory);
            bool isWhole = history is { Points.Count: > 0, Samples: not null }
                && history.Points.All(point => point is not null)
                && history.Samples.All(sample => sample?.Text is not null);
            return isWhole ? history! : throw new FormatException("The text is not a training history: it lacks points.");
        }
        catch (Exception wrong) when (wrong is JsonException or ArgumentException)
        {
            throw new FormatException($"The text is not a training history: {wrong.Message}", wrong);
        }
    }

    /// <summary>Returns the last evaluation and why training ended.</summary>
    public override string ToString() => Points.Count == 0 ? $"{Ending}" : $"{Last} ({Ending})";
}
