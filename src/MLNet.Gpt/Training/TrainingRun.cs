using System.Diagnostics;
using MLNet.Gpt.Data;

namespace MLNet.Gpt.Training;

/// <summary>The bookkeeping of one training: where it stands, what is due, and what to report.</summary>
internal sealed class TrainingRun(
    Func<(double Training, double? Validation)> measure, int evaluationInterval, int totalSteps, int stepsPerEpoch, IProgress<TrainingProgress>? progress)
{
    private readonly List<TrainingPoint> _points = [];
    private readonly Stopwatch _total = new(), _learning = new();
    private long _tokensSeen;

    /// <summary>Steps done.</summary>
    public int Step { get; private set; }

    private int Epoch => (Math.Max(0, Step - 1) / stepsPerEpoch) + 1;

    /// <summary>Measures the network before training.</summary>
    public void Begin()
    {
        _total.Start();
        Report(double.NaN, double.NaN, 0, Evaluate());
    }

    /// <summary>Takes in a step that was done, and evaluates where it is due.</summary>
    public void Advance(TokenBatch batch, double loss, double gradientNorm, double learningRate)
    {
        _learning.Stop();
        Step++;
        _tokensSeen += batch.Targets.Length;
        bool isDue = Step == totalSteps || Step % evaluationInterval == 0;
        Report(loss, gradientNorm, learningRate, isDue ? Evaluate() : null);
    }

    /// <summary>What was measured.</summary>
    public TrainingHistory End() => new(_points, _total.Elapsed);

    private TrainingPoint Evaluate()
    {
        var (training, validation) = measure();
        var point = new TrainingPoint(Step, Epoch, _tokensSeen, training, validation);
        _points.Add(point);
        return point;
    }

    private void Report(double loss, double gradientNorm, double learningRate, TrainingPoint? evaluation)
    {
        progress?.Report(new()
        {
            Step = Step,
            TotalSteps = totalSteps,
            Epoch = Epoch,
            BatchLoss = loss,
            Evaluation = evaluation,
            LearningRate = learningRate,
            GradientNorm = gradientNorm,
            TokensSeen = _tokensSeen,
            TokensPerSecond = Step == 0 ? 0 : _tokensSeen / _learning.Elapsed.TotalSeconds,
            TimeLeft = Step == 0 ? null : _total.Elapsed / Step * (totalSteps - Step),
        });
        _learning.Start();
    }
}
