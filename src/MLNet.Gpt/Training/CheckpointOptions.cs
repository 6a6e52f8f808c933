using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Training;

/// <summary>
/// Where a training saves all that it needs to go on. A checkpoint is a folder <c>checkpoint-N</c>, named by its step, which is written aside and
/// moved into place: it is there whole or not at all. In it, <c>model.safetensors</c> is the model as <see cref="Checkpoints.GptCheckpoint"/>
/// saves it.
/// </summary>
/// <param name="Folder">The folder that holds the checkpoints of one training; it is made where it is not there.</param>
/// <remarks>
/// A checkpoint is written every <see cref="Interval"/> steps, when training ends, and when it is cancelled or fails, of the last step done.
/// </remarks>
public sealed record CheckpointOptions(string Folder)
{
    /// <summary>Steps between two checkpoints; at least 1.</summary>
    /// <value><see langword="null"/>: as many as between two evaluations.</value>
    public int? Interval { get; init => field = value is null or >= 1 ? value : throw Below(nameof(Interval), value); }

    /// <summary>Checkpoints that are kept, the latest ones; at least 1.</summary>
    /// <value>3.</value>
    public int Keep { get; init => field = value >= 1 ? value : throw Below(nameof(Keep), value); } = 3;

    /// <summary>
    /// Whether training goes on from the latest checkpoint in the folder, where there is one; the weights that it was to begin with are then
    /// not used. It goes on bit for bit as it would have without the break. Options that decide its course must be the same; its length, learning rates,
    /// evaluations and checkpoints may be others.
    /// </summary>
    /// <value><see langword="false"/>: a folder that holds checkpoints is refused.</value>
    public bool Resumes { get; init; }

    /// <summary>Saved with the model, so that it can be loaded by its file alone.</summary>
    /// <value><see langword="null"/>: none.</value>
    public ITextTokenizer? Tokenizer { get; init; }

    private static ArgumentOutOfRangeException Below(string name, int? value) => new(name, value, $"{name} is {value}; it must be at least 1.");
}
