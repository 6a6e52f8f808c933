namespace MLNet.Gpt;

/// <summary>Why training ended.</summary>
public enum TrainingEnding
{
    /// <summary>All steps were done.</summary>
    Completed,

    /// <summary>The time limit, <see cref="TrainingOptions.MaxDuration"/>, was reached.</summary>
    TimeOver,

    /// <summary>The validation loss had not fallen for <see cref="TrainingOptions.Patience"/> evaluations.</summary>
    StoppedEarly,

    /// <summary>The loss, or the gradient norm, became NaN or infinite.</summary>
    Diverged,

    /// <summary>A checkpoint could not be written; the <see cref="CheckpointException"/> says why.</summary>
    CheckpointFailed,
}
