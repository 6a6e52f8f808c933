using MLNet.Gpt.Training.Checkpoints;

namespace MLNet.Gpt.Training;

/// <summary>Keeps the weights of the lowest validation loss, and counts the evaluations since.</summary>
internal sealed class BestWeights(TrainingOptions options, TrainingState state)
{
    /// <summary>The weights at <see cref="TrainingState.BestStep"/>, where they are kept and one was measured.</summary>
    public GptWeights? Weights { get; set; }

    public bool IsPatienceOver => state.EvaluationsSinceBest >= options.Patience;

    public void Observe(TrainingPoint point, IWeightSource weights)
    {
        if (point.ValidationLoss is not { } loss) return;
        if (state.BestLoss is { } best && !(loss < best))
        {
            state.EvaluationsSinceBest++;
            return;
        }

        (state.BestLoss, state.BestStep, state.EvaluationsSinceBest) = (loss, point.Step, 0);
        if (options.KeepsBestWeights) Weights = Copy(weights);
    }

    /// <summary>A copy of weights in managed memory.</summary>
    public static GptWeights Copy(IWeightSource weights)
    {
        var arrays = new Dictionary<string, float[]>();
        foreach (var entry in WeightNames.For(weights.Config))
        {
            float[] elements = arrays[entry.Name] = new float[entry.ElementCount];
            weights.Read(entry.Name, 0, elements);
        }

        return new(weights.Config, arrays);
    }
}
