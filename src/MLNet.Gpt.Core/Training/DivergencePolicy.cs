namespace MLNet.Gpt;

/// <summary>
/// What happens where a step's loss, or its gradients' norm, is NaN or infinite. The weights stay as they were in any
/// case.
/// </summary>
public enum DivergencePolicy
{
    /// <summary>
    /// Training ends with a <see cref="TrainingDivergedException"/>. Where checkpoints are written, one of the step
    /// before is: training can be resumed from it with a lower learning rate or a smaller clipping norm.
    /// </summary>
    Throw,

    /// <summary>
    /// The step is skipped: it counts, and changes no weight. After <see cref="TrainingOptions.SkippedStepLimit"/> in a
    /// row training ends as with <see cref="Throw"/>.
    /// </summary>
    SkipStep,

    /// <summary>
    /// The step is skipped, and training ends as if it had come to its last one; <see cref="TrainingHistory.Ending"/>
    /// tells.
    /// </summary>
    Stop,
}
