namespace MLNet.Gpt;

/// <summary>Why a training ended.</summary>
public enum TrainingEnding
{
    /// <summary>All steps are done.</summary>
    Completed,

    /// <summary><see cref="TrainingOptions.MaxDuration"/> is over.</summary>
    TimeOver,

    /// <summary>The validation loss has not fallen for <see cref="TrainingOptions.Patience"/> evaluations.</summary>
    StoppedEarly,

    /// <summary>The loss was no longer a number, and <see cref="DivergencePolicy.Stop"/> was asked for.</summary>
    Diverged,
}
