namespace MLNet.Gpt.Training.Checkpoints;

/// <summary>
/// The state of a training run except its weights and its engine's state: what a checkpoint stores as text.
/// </summary>
internal sealed class TrainingState
{
    /// <summary>Identifies this training run, including after it resumes, among others in the same folder.</summary>
    public string Run { get; set; } = Guid.NewGuid().ToString("N");

    /// <summary>Steps done, including skipped ones.</summary>
    public int Step { get; set; }

    public long TokensSeen { get; set; }

    public int SkippedSteps { get; set; }

    public int SkippedInARow { get; set; }

    /// <summary>The state of the batch order.</summary>
    public long OrderState { get; set; }

    /// <summary>The lowest validation loss; <see langword="null"/> before one was measured.</summary>
    public double? BestLoss { get; set; }

    public int BestStep { get; set; }

    public int EvaluationsSinceBest { get; set; }

    public double LastLearningRate { get; set; }

    /// <summary>The time that training took before it was interrupted.</summary>
    public TimeSpan Elapsed { get; set; }

    public List<TrainingPoint> Points { get; init; } = [];

    public List<TrainingSample> Samples { get; init; } = [];

    /// <summary>
    /// Returns what makes the state impossible, as the end of a sentence; <see langword="null"/> if nothing does.
    /// </summary>
    public string? FindFault() =>
        Step is < 0 or int.MaxValue ? $"it was written at step {Step}"
        : TokensSeen < 0 ? $"it has seen {TokensSeen} tokens"
        : SkippedInARow < 0 || SkippedInARow > SkippedSteps || SkippedSteps > Step
            ? $"of {Step} steps it skipped {SkippedSteps}, {SkippedInARow} in a row"
        : BestStep < 0 || BestStep > Step || EvaluationsSinceBest < 0
            ? $"its best step is {BestStep}, with {EvaluationsSinceBest} evaluations since"
        : Points is null || Points.Any(point => point is null || point.Step < 0 || point.Step > Step)
            ? "it has evaluations of steps that were not done"
        : string.IsNullOrEmpty(Run) ? "it names no run"
        : Samples is null || Samples.Any(sample => sample?.Text is null) ? "its samples have no text"
        : null;
}
