using MLNet.Gpt.Training;

namespace MLNet.Gpt;

/// <summary>Trains GPT networks; for callers that do not speak TorchSharp themselves.</summary>
public static class GptTraining
{
    /// <summary>
    /// Trains a copy of weights, such as those of a loaded model. Where training does not come to its end, only a
    /// checkpoint keeps what was learned.
    /// </summary>
    /// <param name="weights">What to begin with; they stay as they are.</param>
    /// <param name="data">What to learn from and what to measure on.</param>
    /// <param name="options">How to train; the defaults where <see langword="null"/>.</param>
    /// <param name="progress">Told before the first step and after every step.</param>
    /// <param name="cancellationToken">Checked before every step and every batch of an evaluation.</param>
    /// <returns>
    /// The trained weights (those of the last step, or of the lowest validation loss where the options ask for them)
    /// and the measured losses.
    /// </returns>
    /// <exception cref="OperationCanceledException">It was canceled.</exception>
    /// <exception cref="TrainingDivergedException">
    /// The loss, or the gradients' norm, became NaN or infinite, and the options do not say otherwise.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The network's logits are NaN where it is evaluated.</exception>
    /// <exception cref="ArgumentException">
    /// The data fill no batch, and the last batch is dropped; or an option does not fit the network or the data.
    /// </exception>
    public static TrainingResult Train(
        this IWeightSource weights,
        TrainingData data,
        TrainingOptions? options = null,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        options = (options ?? new()).Validated();
        using var engine = options.Engine.CreateNetwork(weights, options);
        using var loop = new TrainingLoop(engine, data, options, progress, cancellationToken);
        var history = loop.Run();
        return new(loop.BestWeights ?? BestWeights.Copy(engine.Weights), history);
    }
}
