using System.Text.Json;
using System.Text.Json.Serialization;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Training.Checkpoints;

/// <summary>The readable part of a checkpoint.</summary>
internal sealed class SavedTraining
{
    public const int FirstVersion = 1, CurrentVersion = 2;

    public const string FileName = "training.json";

    private const int LongestFile = 1 << 28; // evaluations and samples of a long training

    /// <summary>
    /// 1 if there is no <see cref="CheckpointManifest"/> next to it, otherwise <see cref="CurrentVersion"/>.
    /// </summary>
    public required int Version { get; init; }

    /// <summary>What must be the same for training to resume.</summary>
    [JsonPropertyName("course")]
    public required TrainingFingerprint Fingerprint { get; init; }

    /// <summary>The state of the training run.</summary>
    public required TrainingState State { get; init; }

    /// <summary>
    /// The best weights that belong to this checkpoint; <see langword="null"/> if none are kept, and in the first
    /// version, which does not say.
    /// </summary>
    public SavedBest? Best { get; init; }

    /// <exception cref="InvalidDataException">
    /// The file is missing, damaged, or of a version that this library does not read.
    /// </exception>
    public static SavedTraining Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) throw new InvalidDataException($"'{path}' is missing.");
        byte[] json = PositionedFile.ReadAll(path, LongestFile);
        try
        {
            var saved = JsonSerializer.Deserialize(json, CheckpointJsonContext.Default.SavedTraining)
                ?? throw new JsonException("It is null.");
            if (saved.Version is not (FirstVersion or CurrentVersion))
            {
                throw new InvalidDataException(
                    $"'{path}' is of version {saved.Version}; this library reads versions {FirstVersion} and {CurrentVersion}.");
            }

            bool isWhole = saved is { Fingerprint: not null, State: not null };
            return isWhole ? saved : throw new JsonException("It lacks the fingerprint ('course') or the state.");
        }
        catch (JsonException damaged)
        {
            throw new InvalidDataException($"'{path}' is damaged: {damaged.Message}", damaged);
        }
    }

    /// <summary>Writes the file's contents.</summary>
    public void Write(Stream stream) => JsonSerializer.Serialize(stream, this, CheckpointJsonContext.Default.SavedTraining);

    /// <exception cref="InvalidDataException">No training run can be in this state after that many steps.</exception>
    public void CheckState(string folder, int step)
    {
        string? fault = State.Step != step
            ? $"it was written at step {State.Step}, and the folder is named after step {step}"
            : State.FindFault();
        if (fault is not null) throw new InvalidDataException($"'{Path.Combine(folder, FileName)}' is damaged: {fault}.");
    }
}

/// <summary>
/// A reference from a checkpoint to its best weights. They are identified by their contents, so that those of another
/// run with the same name are not mistaken for them.
/// </summary>
/// <param name="Folder">The name of their folder.</param>
/// <param name="Sha256">The SHA-256 of their file in hexadecimal digits.</param>
internal sealed record SavedBest(string Folder, string Sha256);
