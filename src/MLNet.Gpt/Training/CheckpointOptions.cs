using MLNet.Gpt.Configuration;
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

    /// <summary>What happens where the folder holds checkpoints already.</summary>
    /// <value><see cref="ExistingCheckpoints.Refuse"/>.</value>
    public ExistingCheckpoints Existing { get; init => field = Check.Defined(value, nameof(Existing)); }

    /// <summary>Saved with the model, so that it can be loaded by its file alone.</summary>
    /// <value><see langword="null"/>: none.</value>
    public ITextTokenizer? Tokenizer { get; init; }

    /// <summary>Finds the latest checkpoint in the folder.</summary>
    /// <returns>Its step; <see langword="null"/> where there is none.</returns>
    public int? FindLatestStep() => Directory.Exists(Folder) ? CheckpointFolder.StepsIn(Folder).Select(step => (int?)step).Max() : null;

    private static ArgumentOutOfRangeException Below(string name, int? value) => new(name, value, $"{name} is {value}; it must be at least 1.");
}
