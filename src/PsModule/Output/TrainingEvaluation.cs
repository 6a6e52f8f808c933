using MLNet.Gpt;

namespace MLNetGpt.Output;

/// <summary>Where a training stood when it evaluated.</summary>
public sealed class TrainingEvaluation
{
    internal TrainingEvaluation()
    {
    }

    internal static TrainingEvaluation Of(TrainingPoint point) => new()
    {
        Step = point.Step,
        Epoch = point.Epoch,
        TokenCount = point.TokensSeen,
        TrainingLoss = point.TrainingLoss,
        ValidationLoss = point.ValidationLoss ?? double.NaN,
        LearningRate = point.LearningRate,
        Elapsed = point.Elapsed,
    };

    /// <summary>Optimizer steps done.</summary>
    public required long Step { get; init; }

    /// <summary>Passes over the training text begun, from 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>Tokens trained on.</summary>
    public required long TokenCount { get; init; }

    /// <summary>Mean cross-entropy on training data, in nats per token.</summary>
    public required double TrainingLoss { get; init; }

    /// <summary>Mean cross-entropy on validation data, in nats per token; NaN where there is none.</summary>
    public required double ValidationLoss { get; init; }

    /// <summary>exp of the validation loss.</summary>
    public double ValidationPerplexity => Math.Exp(ValidationLoss);

    /// <summary>The learning rate of the last step.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Time since the training began, breaks left out.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>
    /// A line for the screen, such as <c>Step 40, epoch 2, 00:00:12: training loss 5.1234, validation loss 5.4321</c>.
    /// </summary>
    public override string ToString()
    {
        int hours = (int)Elapsed.TotalHours;
        string line = FormattableString.Invariant(
            $"Step {Step:N0}, epoch {Epoch}, {hours:00}:{Elapsed:mm\\:ss}: training loss {TrainingLoss:F4}");
        return double.IsNaN(ValidationLoss) ? line : FormattableString.Invariant($"{line}, validation loss {ValidationLoss:F4}");
    }
}
