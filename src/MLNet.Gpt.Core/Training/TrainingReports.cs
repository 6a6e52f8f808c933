using System.Diagnostics;
using MLNet.Gpt.Training.Checkpoints;

namespace MLNet.Gpt.Training;

/// <summary>Reports the progress of training: its speed and the time left.</summary>
internal sealed class TrainingReports(TrainingState state, int totalSteps, int stepsPerEpoch, IProgress<TrainingProgress>? progress)
{
    private readonly Stopwatch _total = Stopwatch.StartNew(), _learning = new();
    private readonly TimeSpan _before = state.Elapsed;
    private readonly int _firstStep = state.Step;
    private readonly long _firstTokens = state.TokensSeen;

    /// <summary>Time since training began, or was resumed.</summary>
    public TimeSpan ThisTime => _total.Elapsed;

    /// <summary>Time spent in training, without interruptions.</summary>
    public TimeSpan Elapsed => _before + _total.Elapsed;

    /// <summary>The epoch of the last step, from 1.</summary>
    public int Epoch => (Math.Max(0, state.Step - 1) / stepsPerEpoch) + 1;

    public double EpochsDone => (double)state.Step / stepsPerEpoch;

    public void BeginLearning() => _learning.Start();

    public void EndLearning() => _learning.Stop();

    public void Report(
        double loss,
        double gradientNorm,
        double learningRate,
        TrainingPoint? evaluation,
        TrainingSample? sample,
        string? checkpoint,
        IReadOnlyList<string>? warnings = null)
    {
        int done = state.Step - _firstStep;
        progress?.Report(new()
        {
            Step = state.Step,
            TotalSteps = totalSteps,
            Epoch = Epoch,
            BatchLoss = loss,
            Evaluation = evaluation,
            Sample = sample,
            Checkpoint = checkpoint,
            Warnings = warnings ?? [],
            SkippedSteps = state.SkippedSteps,
            LearningRate = learningRate,
            GradientNorm = gradientNorm,
            TokensSeen = state.TokensSeen,
            TokensPerSecond = done == 0 ? 0 : (state.TokensSeen - _firstTokens) / _learning.Elapsed.TotalSeconds,
            TimeLeft = done == 0 ? null : _total.Elapsed / done * (totalSteps - state.Step),
        });
    }
}
