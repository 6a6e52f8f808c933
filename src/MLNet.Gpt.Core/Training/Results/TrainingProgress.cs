namespace MLNet.Gpt;

/// <summary>The state of training after a step, as reported to the caller.</summary>
public sealed class TrainingProgress
{
    /// <summary>Steps done; 0 before the first, or the steps before the interruption if training was resumed.</summary>
    public required int Step { get; init; }

    /// <summary>Steps in the whole training run.</summary>
    public required int TotalSteps { get; init; }

    /// <summary>The epoch that the step belongs to, from 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>
    /// Cross-entropy of the step's batch before the step, in nats per target that counts, or its mean squared error; NaN before the
    /// first step, and if no target counted, so that the step changed nothing.
    /// </summary>
    public required double BatchLoss { get; init; }

    /// <summary>What was measured after the step; <see langword="null"/> if no evaluation was due.</summary>
    public required TrainingPoint? Evaluation { get; init; }

    /// <summary>
    /// The text that was generated after the step; <see langword="null"/> if no epoch ended or no sample was requested.
    /// </summary>
    public TrainingSample? Sample { get; init; }

    /// <summary>The folder of the checkpoint that was written after the step; <see langword="null"/> if none was.</summary>
    public string? Checkpoint { get; init; }

    /// <summary>
    /// Problems that do not stop training, such as a damaged checkpoint that was replaced by an older one. Only the
    /// first report has any.
    /// </summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Steps so far that changed nothing, because their loss was NaN or infinite.</summary>
    public int SkippedSteps { get; init; }

    /// <summary>The learning rate of the step; 0 before the first.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The norm of all gradients together, before clipping; NaN before the first step.</summary>
    public required double GradientNorm { get; init; }

    /// <summary>Tokens learned from so far, including those of earlier epochs and those that are only read, such as prompts.</summary>
    public required long TokensSeen { get; init; }

    /// <summary>Tokens learned from per second, without evaluations; 0 before the first step.</summary>
    public required double TokensPerSecond { get; init; }

    /// <summary>
    /// The time that the remaining steps will take at the pace so far, including evaluations; <see langword="null"/>
    /// before the first step.
    /// </summary>
    public required TimeSpan? TimeLeft { get; init; }

    /// <summary>Returns the step, the batch's loss and the speed.</summary>
    public override string ToString() =>
        FormattableString.Invariant($"Step {Step} of {TotalSteps}: loss {BatchLoss:F4}, {TokensPerSecond:F0} tokens per second");
}
