namespace MLNet.Gpt;

/// <summary>What happens where the folder for checkpoints holds some already.</summary>
public enum ExistingCheckpoints
{
    /// <summary>Training does not begin: an <see cref="IOException"/>.</summary>
    Refuse,

    /// <summary>
    /// Training resumes from the latest of them that is whole, bit for bit as it would have continued without the
    /// break; the weights that it was to begin with are not used. The data and the options that decide its course must
    /// be the same; its length, learning rates, gradient clipping, evaluation interval, samples and checkpoints may be
    /// others. A damaged checkpoint that was passed over is named in <see cref="TrainingProgress.Warnings"/>.
    /// </summary>
    Resume,

    /// <summary>They are removed, and nothing else.</summary>
    Replace,
}
