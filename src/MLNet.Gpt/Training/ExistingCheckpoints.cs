namespace MLNet.Gpt.Training;

/// <summary>What happens where the folder for checkpoints holds some already.</summary>
public enum ExistingCheckpoints
{
    /// <summary>Training does not begin: an <see cref="IOException"/>.</summary>
    Refuse,

    /// <summary>
    /// Training goes on from the latest of them, bit for bit as it would have without the break; the weights that it was to begin with are not used. Options that
    /// decide its course must be the same; its length, learning rates, evaluations and checkpoints may be others.
    /// </summary>
    Resume,

    /// <summary>They are removed.</summary>
    Replace,
}
