namespace MLNet.Gpt.Training;

/// <summary>Where a training stands, besides its weights and its engine's state. What a checkpoint holds as text.</summary>
internal sealed class TrainingState
{
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
}
