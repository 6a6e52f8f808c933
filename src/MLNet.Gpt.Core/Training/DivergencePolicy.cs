namespace MLNet.Gpt;

/// <summary>
/// What happens if a step's loss, or its gradient norm, is NaN or infinite. In any case the weights stay as they were.
/// </summary>
public enum DivergencePolicy
{
    /// <summary>
    /// Training ends with a <see cref="TrainingDivergedException"/>. If checkpoints are enabled, one of the step before
    /// is written, from which training can resume with a lower learning rate or a smaller clipping norm.
    /// </summary>
    Throw,

    /// <summary>
    /// The step is skipped: it counts, but changes no weight. After <see cref="TrainingOptions.SkippedStepLimit"/>
    /// skipped steps in a row, training ends as with <see cref="Throw"/>.
    /// </summary>
    SkipStep,

    /// <summary>
    /// The step is skipped, and training ends as if it were the last one; <see cref="TrainingHistory.Ending"/> says so.
    /// </summary>
    Stop,
}
