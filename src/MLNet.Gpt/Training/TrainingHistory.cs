namespace MLNet.Gpt.Training;

/// <summary>What a training measured and wrote on its way.</summary>
/// <param name="Points">The evaluations in order: the first before training, the last after it.</param>
/// <param name="Duration">How long it took, evaluations among it and breaks left out.</param>
public sealed record TrainingHistory(IReadOnlyList<TrainingPoint> Points, TimeSpan Duration)
{
    /// <summary>What was measured before training.</summary>
    public TrainingPoint First => Points[0];

    /// <summary>What was measured after training.</summary>
    public TrainingPoint Last => Points[^1];

    /// <summary>The evaluation with the lowest validation loss, the first of equal ones; <see langword="null"/> where there is no validation data.</summary>
    public TrainingPoint? Best => Points.Where(point => point.ValidationLoss is not null).MinBy(point => point.ValidationLoss);

    /// <summary>The texts that were written after the epochs.</summary>
    public IReadOnlyList<TrainingSample> Samples { get; init; } = [];

    /// <summary>Why it ended.</summary>
    public TrainingEnding Ending { get; init; }

    /// <summary>Steps that changed nothing, since their loss was no number.</summary>
    public int SkippedSteps { get; init; }
}
