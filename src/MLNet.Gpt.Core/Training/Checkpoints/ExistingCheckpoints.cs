namespace MLNet.Gpt;

/// <summary>What happens if the folder for checkpoints already contains some.</summary>
public enum ExistingCheckpoints
{
    /// <summary>Training does not begin, with an <see cref="IOException"/>.</summary>
    Refuse,

    /// <summary>
    /// Training resumes from the latest intact one, bit for bit as it would have continued without the interruption;
    /// the initial weights are not used. The data and the options that determine the result must be the same; length,
    /// learning rates, gradient clipping, evaluation interval, samples and checkpoints may change. A damaged checkpoint
    /// that was skipped is named in <see cref="TrainingProgress.Warnings"/>.
    /// </summary>
    Resume,

    /// <summary>The checkpoints are removed, and nothing else.</summary>
    Replace,
}
