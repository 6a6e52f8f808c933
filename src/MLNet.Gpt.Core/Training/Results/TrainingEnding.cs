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

    /// <summary>The loss became NaN or infinite, and the options say <see cref="DivergencePolicy.Stop"/>.</summary>
    Diverged,
}
