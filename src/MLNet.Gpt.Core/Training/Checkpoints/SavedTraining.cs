using System.Text.Json;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Training.Checkpoints;

/// <summary>The readable part of a checkpoint.</summary>
/// <param name="Version">1 where there is no <see cref="CheckpointManifest"/> beside it, or <see cref="CurrentVersion"/>.</param>
/// <param name="Course">What must be the same for the training to be resumed.</param>
/// <param name="State">Where the training stood.</param>
internal sealed record SavedTraining(int Version, TrainingCourse Course, TrainingState State)
{
    public const int FirstVersion = 1, CurrentVersion = 2;

    public const string FileName = "training.json";

    private const int LongestFile = 1 << 28; // evaluations and samples of a long training

    /// <summary>
    /// The best weights that belong to this checkpoint; <see langword="null"/> where none are kept, and in the first
    /// version, which does not tell.
    /// </summary>
    public SavedBest? Best { get; init; }

    /// <exception cref="InvalidDataException">The file is missing, damaged, or of a version that this library does not read.</exception>
    public static SavedTraining Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) throw new InvalidDataException($"'{path}' is missing.");
        byte[] json = PositionedFile.ReadAll(path, LongestFile);
        try
        {
            var saved = JsonSerializer.Deserialize(json, TrainingJsonContext.Default.SavedTraining) ?? throw new JsonException("It is null.");
            if (saved.Version is not (FirstVersion or CurrentVersion))
            {
                throw new InvalidDataException($"'{path}' is of version {saved.Version}; this library reads versions {FirstVersion} and {CurrentVersion}.");
            }

            return saved is { Course: not null, State: not null } ? saved : throw new JsonException("It lacks the course or the state.");
        }
        catch (JsonException damaged)
        {
            throw new InvalidDataException($"'{path}' is damaged: {damaged.Message}", damaged);
        }
    }

    /// <exception cref="InvalidDataException">The state is none that a training can stand at after so many steps.</exception>
    public void CheckState(string folder, int step)
    {
        string? wrong = State.Step != step ? $"it stands at step {State.Step}, and the folder's name tells of {step}" : State.FindFault();
        if (wrong is not null) throw new InvalidDataException($"'{Path.Combine(folder, FileName)}' is damaged: {wrong}.");
    }
}
