
namespace MLNet.Gpt.Tests.Training;

/// <summary>Collects the reports of training.</summary>
internal sealed class ProgressList(Action<TrainingProgress>? onReport = null) : IProgress<TrainingProgress>
{
    public List<TrainingProgress> All { get; } = [];

    public void Report(TrainingProgress value)
    {
        All.Add(value);
        onReport?.Invoke(value);
    }
}
