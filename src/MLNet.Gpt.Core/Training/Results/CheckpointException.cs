namespace MLNet.Gpt;

/// <summary>A checkpoint could not be written, because the disk is full or the folder is gone; training has ended.</summary>
public sealed class CheckpointException : IOException
{
    /// <summary>Creates an exception for a step.</summary>
    /// <param name="step">The step of the checkpoint.</param>
    /// <param name="cause">Why it could not be written.</param>
    public CheckpointException(int step, Exception cause)
        : base(FormattableString.Invariant($"The checkpoint of step {step} cannot be written: {cause.Message}"), cause) =>
        Step = step;

    /// <summary>The step of the checkpoint.</summary>
    public int Step { get; }

    /// <summary>
    /// The weights of that step, and the losses that were measured; <see langword="null"/> if a module was trained in
    /// place, which has the weights itself.
    /// </summary>
    public TrainingResult? Result { get; internal set; }
}
