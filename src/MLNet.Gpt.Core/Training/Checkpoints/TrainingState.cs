namespace MLNet.Gpt.Training.Checkpoints;

/// <summary>Where a training stands, besides its weights and its engine's state. What a checkpoint holds as text.</summary>
internal sealed class TrainingState
{
    /// <summary>Tells this training, with all its resumptions, from others in the same folder.</summary>
    public string Run { get; set; } = Guid.NewGuid().ToString("N");

    /// <summary>Steps done, skipped ones among them.</summary>
    public int Step { get; set; }

    public long TokensSeen { get; set; }

    public int SkippedSteps { get; set; }

    public int SkippedInARow { get; set; }

    /// <summary><see cref="IBatchOrder.State"/>.</summary>
    public long OrderState { get; set; }

    /// <summary>The lowest validation loss and its step; <see langword="null"/> before one was measured.</summary>
    public double? BestLoss { get; set; }

    public int BestStep { get; set; }

    public int EvaluationsSinceBest { get; set; }

    public double LastLearningRate { get; set; }

    /// <summary>The time until the break, if there was one.</summary>
    public TimeSpan Elapsed { get; set; }

    public List<TrainingPoint> Points { get; init; } = [];

    public List<TrainingSample> Samples { get; init; } = [];

    /// <summary>What no training's state can be, as the end of a sentence; <see langword="null"/> where all is well.</summary>
    public string? FindFault() =>
        Step is < 0 or int.MaxValue ? $"it stands at step {Step}"
        : TokensSeen < 0 ? $"it has seen {TokensSeen} tokens"
        : SkippedInARow < 0 || SkippedInARow > SkippedSteps || SkippedSteps > Step
            ? $"of {Step} steps it skipped {SkippedSteps}, {SkippedInARow} in a row"
        : BestStep < 0 || BestStep > Step || EvaluationsSinceBest < 0
            ? $"its best step is {BestStep}, with {EvaluationsSinceBest} evaluations since"
        : Points is null || Points.Any(point => point is null || point.Step < 0 || point.Step > Step) ? "its evaluations lie outside of it"
        : string.IsNullOrEmpty(Run) ? "it names no run"
        : Samples is null || Samples.Any(sample => sample?.Text is null) ? "its samples have no text"
        : null;
}
