using MLNet.Gpt.Training.Checkpoints;
using MLNet.Gpt.Training.Engines;

namespace MLNet.Gpt.Training;

/// <summary>Keeps the weights with the lowest validation loss, and counts the evaluations since.</summary>
internal sealed class BestWeights(TrainingOptions options, TrainingState state)
{
    /// <summary>
    /// The weights at <see cref="TrainingState.BestStep"/>; <see langword="null"/> if they are not kept or none was
    /// measured.
    /// </summary>
    public TrainedCopy? Copy { get; set; }

    public bool IsPatienceOver => state.EvaluationsSinceBest >= options.Patience;

    public void Observe(TrainingPoint point, ITrainableNetwork network)
    {
        if (point.ValidationLoss is not { } loss) return;
        if (state.BestLoss is { } best && !(loss < best))
        {
            state.EvaluationsSinceBest++;
            return;
        }

        (state.BestLoss, state.BestStep, state.EvaluationsSinceBest) = (loss, point.Step, 0);
        if (options.KeepsBestWeights) Copy = TrainedCopy.Of(network);
    }
}
