namespace MLNet.Gpt;

/// <summary>Where training stands after a step.</summary>
public sealed record TrainingProgress
{
    /// <summary>Steps done; 0 before the first, or those of a training that is resumed.</summary>
    public required int Step { get; init; }

    /// <summary>Steps that the whole training takes.</summary>
    public required int TotalSteps { get; init; }

    /// <summary>The epoch that the step belongs to, from 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>Cross-entropy of the step's batch before the step, in nats per token; NaN before the first step.</summary>
    public required double BatchLoss { get; init; }

    /// <summary>What was measured after the step; <see langword="null"/> where no evaluation was due.</summary>
    public required TrainingPoint? Evaluation { get; init; }

    /// <summary>The text that was written after the step; <see langword="null"/> where no epoch ended or no sample is wanted.</summary>
    public TrainingSample? Sample { get; init; }

    /// <summary>The folder of the checkpoint that was written after the step; <see langword="null"/> where none was.</summary>
    public string? Checkpoint { get; init; }

    /// <summary>
    /// Faults that do not stop the training, such as a damaged checkpoint in place of which an older one was taken.
    /// Only the first report has any.
    /// </summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Steps so far that changed nothing, since their loss was no number.</summary>
    public int SkippedSteps { get; init; }

    /// <summary>The learning rate of the step; 0 before the first.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The norm of all gradients together, before clipping; NaN before the first step.</summary>
    public required double GradientNorm { get; init; }

    /// <summary>Tokens learned from so far, those of earlier epochs among them.</summary>
    public required long TokensSeen { get; init; }

    /// <summary>Tokens learned from per second, evaluations left out; 0 before the first step.</summary>
    public required double TokensPerSecond { get; init; }

    /// <summary>
    /// The time that the rest will take at the pace so far, evaluations among it; <see langword="null"/> before the
    /// first step.
    /// </summary>
    public required TimeSpan? TimeLeft { get; init; }
}
