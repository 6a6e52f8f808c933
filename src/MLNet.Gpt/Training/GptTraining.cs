using MLNet.Gpt.Checkpoints;
using MLNet.Gpt.Model;

namespace MLNet.Gpt.Training;

/// <summary>Trains GPT networks; for callers that do not speak TorchSharp themselves.</summary>
public static class GptTraining
{
    /// <summary>Trains a network in place.</summary>
    /// <inheritdoc cref="Trainer.Train"/>
    /// <param name="module">The network; it stays the caller's.</param>
    /// <param name="data">What to learn from and what to measure on.</param>
    /// <param name="options">How to train; the defaults where <see langword="null"/>.</param>
    /// <param name="progress">Told before the first step and after every step.</param>
    /// <param name="cancellationToken">Checked before every step and every batch of an evaluation.</param>
    public static TrainingHistory Train(
        this GptModule module,
        TrainingData data,
        TrainingOptions? options = null,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default) => new Trainer(module, options).Train(data, progress, cancellationToken);

    /// <summary>Trains a copy of weights, such as those of a loaded model. Where training does not come to its end, only a checkpoint keeps what was learned.</summary>
    /// <inheritdoc cref="Trainer.Train"/>
    /// <param name="weights">What to begin with; they stay as they are.</param>
    /// <param name="data">What to learn from and what to measure on.</param>
    /// <param name="options">How to train; the defaults where <see langword="null"/>.</param>
    /// <param name="progress">Told before the first step and after every step.</param>
    /// <param name="cancellationToken">Checked before every step and every batch of an evaluation.</param>
    /// <returns>The trained weights, and the losses that were measured on the way.</returns>
    public static TrainingResult Train(
        this IWeightSource weights,
        TrainingData data,
        TrainingOptions? options = null,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        options = (options ?? new()).Validated();
        using var engine = TrainingEngines.Create(weights, options);
        using var loop = new TrainingLoop(engine, data, options, progress, cancellationToken);
        var history = loop.Run();
        return new(loop.BestWeights ?? BestWeights.Copy(engine.Weights), history);
    }
}
