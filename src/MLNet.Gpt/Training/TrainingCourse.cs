namespace MLNet.Gpt.Training;

/// <summary>What decides the course of a training and so must be the same when it is gone on with: the batches, and the meaning of the engine's state.</summary>
internal sealed record TrainingCourse(
    TrainingMode Mode, long Seed, int BatchSize, int BatchesPerStep, bool DropsLastBatch, int? Stride, int Windows, long Targets, string FrozenWeights)
{
    public static TrainingCourse Of(TrainingOptions options, TrainingData data) => new(
        options.Mode,
        options.Seed,
        options.BatchSize,
        options.BatchesPerStep,
        options.DropsLastBatch,
        options.Stride,
        data.Training.Count,
        data.Training.TargetCount,
        string.Join(' ', options.FrozenWeights));

    /// <exception cref="ArgumentException">Something differs from the checkpoint's; the message names it.</exception>
    public void Check(TrainingCourse saved, string checkpoint)
    {
        Check(nameof(TrainingOptions.Mode), Mode, saved.Mode);
        Check(nameof(TrainingOptions.Seed), Seed, saved.Seed);
        Check(nameof(TrainingOptions.BatchSize), BatchSize, saved.BatchSize);
        Check(nameof(TrainingOptions.BatchesPerStep), BatchesPerStep, saved.BatchesPerStep);
        Check(nameof(TrainingOptions.DropsLastBatch), DropsLastBatch, saved.DropsLastBatch);
        Check(nameof(TrainingOptions.Stride), Stride, saved.Stride);
        Check(nameof(TrainingOptions.FrozenWeights), FrozenWeights, saved.FrozenWeights);
        Check("The number of training windows", Windows, saved.Windows);
        Check("The number of training targets", Targets, saved.Targets);

        void Check<T>(string name, T now, T then)
        {
            if (!EqualityComparer<T>.Default.Equals(now, then))
            {
                throw new ArgumentException($"{name} is {now?.ToString() ?? "not set"}; '{checkpoint}' was made with {then?.ToString() ?? "none"}, and a training goes on only as it began.");
            }
        }
    }
}
