using System.Text.Json.Serialization;

namespace MLNet.Gpt;

/// <summary>One evaluation during training: a point of the loss curves.</summary>
public sealed class TrainingPoint
{
    /// <summary>Steps done when it was measured; 0 is before training.</summary>
    public required int Step { get; init; }

    /// <summary>The epoch of the step, from 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>Tokens learned from so far, including those that are only read, such as prompts.</summary>
    public required long TokensSeen { get; init; }

    /// <summary>
    /// Cross-entropy on training data, in nats per target that counts, without dropout; if numbers are learned, the mean squared
    /// error.
    /// </summary>
    public required double TrainingLoss { get; init; }

    /// <summary>The same on validation data; <see langword="null"/> if there are none.</summary>
    public double? ValidationLoss { get; init; }

    /// <summary>The fraction of training sequences whose class was predicted; <see langword="null"/> if no classes are learned.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? TrainingAccuracy { get; init; }

    /// <summary>The same for validation sequences.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? ValidationAccuracy { get; init; }

    /// <summary>Epochs done so far, including part of one: 1.5 is the middle of the second.</summary>
    public double EpochsDone { get; init; }

    /// <summary>The learning rate of the last step; 0 before the first.</summary>
    public double LearningRate { get; init; }

    /// <summary>The time spent in training so far, without interruptions.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Perplexity on validation data: e to the power of <see cref="ValidationLoss"/>.</summary>
    public double? ValidationPerplexity => ValidationLoss is { } loss ? Math.Exp(loss) : null;

    /// <summary>Returns the step and the losses.</summary>
    public override string ToString() => ValidationLoss is { } loss
        ? FormattableString.Invariant($"Step {Step}: training loss {TrainingLoss:F4}, validation loss {loss:F4}")
        : FormattableString.Invariant($"Step {Step}: training loss {TrainingLoss:F4}");
}
