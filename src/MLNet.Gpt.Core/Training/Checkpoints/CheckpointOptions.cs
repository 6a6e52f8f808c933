using MLNet.Gpt.Configuration;
using MLNet.Gpt.Training.Checkpoints;

namespace MLNet.Gpt;

/// <summary>
/// Where training saves everything that it needs to resume. A checkpoint is a folder <c>checkpoint-N</c>, named after
/// its step, which is written under a temporary name and moved into place, so that it exists completely or not at all.
/// In it, <c>model.safetensors</c> is the model as <see cref="GptCheckpoint"/> saves it, and <c>manifest.json</c> has
/// the SHA-256 of each file.
/// </summary>
/// <remarks>
/// A checkpoint is written every <see cref="Interval"/> steps, when training ends, and when it is canceled, fails or
/// diverges; in these cases it is of the last completed step, with the weights from before the step that failed. If
/// that checkpoint cannot be written either, the original exception is thrown, with the second one in its
/// <see cref="Exception.Data"/> as <c>MLNet.Gpt.CheckpointFailure</c>. A checkpoint that was due but
/// cannot be written ends training with a <see cref="CheckpointException"/>, which has what was trained.
/// </remarks>
public sealed record CheckpointOptions
{
    /// <summary>Creates options for a folder.</summary>
    /// <param name="folder">The <see cref="Folder"/>.</param>
    public CheckpointOptions(string folder) => Folder = folder;

    /// <summary>
    /// The folder for the checkpoints of one training run; created if missing. A second run in it fails while the first
    /// is running. Whatever the library did not write there is left alone; if something else has a checkpoint's name,
    /// the checkpoint is called <c>checkpoint-N.2</c>.
    /// </summary>
    public string Folder { get; init; }

    /// <summary>Number of steps between two checkpoints; at least 1.</summary>
    /// <value><see langword="null"/>: as many as between two evaluations.</value>
    public int? Interval { get; init => field = Check.AtLeast(value, 1, nameof(Interval)); }

    /// <summary>Number of checkpoints that are kept, the latest ones; at least 1.</summary>
    /// <value>3.</value>
    public int Keep { get; init => field = Check.AtLeast(value, 1, nameof(Keep)); } = 3;

    /// <summary>What happens if the folder already contains checkpoints.</summary>
    /// <value><see cref="ExistingCheckpoints.Refuse"/>.</value>
    public ExistingCheckpoints Existing { get; init => field = Check.Defined(value, nameof(Existing)); }

    /// <summary>The tokenizer to save with the model, so that the model file can be loaded on its own.</summary>
    /// <value><see langword="null"/>: none.</value>
    public ITextTokenizer? Tokenizer { get; init; }

    /// <summary>
    /// Finds the latest checkpoint in the folder, intact or not; that is checked when training resumes from it.
    /// </summary>
    /// <returns>Its step; <see langword="null"/> if there is none.</returns>
    public int? FindLatestStep() => CheckpointFolder.LatestStep(Folder);

    /// <summary>
    /// Returns the model files of the checkpoints in the folder, the latest first. Whether they are whole shows when
    /// they are opened.
    /// </summary>
    public IReadOnlyList<string> FindModels() => CheckpointFolder.Models(Folder);
}
