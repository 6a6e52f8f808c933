namespace MLNet.Gpt;

/// <summary>One point of a training's loss curves.</summary>
/// <param name="Step">Steps done when it was measured; 0 is before training.</param>
/// <param name="Epoch">The epoch of the step, from 1.</param>
/// <param name="TokensSeen">Tokens learned from until then.</param>
/// <param name="TrainingLoss">Cross-entropy on training data, in nats per token, without dropout.</param>
/// <param name="ValidationLoss">Cross-entropy on validation data, in nats per token; <see langword="null"/> where there is none.</param>
public sealed record TrainingPoint(int Step, int Epoch, long TokensSeen, double TrainingLoss, double? ValidationLoss)
{
    /// <summary>Epochs done until then, parts of one included: 1.5 is the middle of the second.</summary>
    public double EpochsDone { get; init; }

    /// <summary>The learning rate of the last step; 0 before the first.</summary>
    public double LearningRate { get; init; }

    /// <summary>The time since training began, without breaks.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Perplexity on validation data: e to the power of <see cref="ValidationLoss"/>.</summary>
    public double? ValidationPerplexity => ValidationLoss is { } loss ? Math.Exp(loss) : null;
}
