namespace MLNet.Gpt.Training;

/// <summary>The readable part of a checkpoint.</summary>
internal sealed record SavedTraining(int Version, TrainingCourse Course, TrainingState State)
{
    public const int CurrentVersion = 1;
}
