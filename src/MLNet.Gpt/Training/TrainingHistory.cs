namespace MLNet.Gpt.Training;

/// <summary>What a training measured on its way.</summary>
/// <param name="Points">The evaluations in order: the first before training, the last after it.</param>
/// <param name="Duration">How long it took, evaluations among it.</param>
public sealed record TrainingHistory(IReadOnlyList<TrainingPoint> Points, TimeSpan Duration)
{
    /// <summary>What was measured before training.</summary>
    public TrainingPoint First => Points[0];

    /// <summary>What was measured after training.</summary>
    public TrainingPoint Last => Points[^1];
}
