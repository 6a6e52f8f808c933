using MLNet.Gpt.Model;

namespace MLNet.Gpt.Training;

/// <summary>Trains a TorchSharp network to predict the next token, with AdamW.</summary>
/// <remarks>
/// The same weights, data, options and machine give the same losses bit for bit. A training by libtorch seeds its global generator, which
/// dropout draws from, when it begins: two such trainings with dropout at the same time in one process would draw from each other's numbers.
/// </remarks>
public sealed class Trainer
{
    private readonly GptModule _module;
    private readonly TrainingOptions _options;

    /// <summary>A trainer of one network.</summary>
    /// <param name="module">It is trained in place, and stays the caller's.</param>
    /// <param name="options">How to train; the defaults where <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">The options contradict each other.</exception>
    public Trainer(GptModule module, TrainingOptions? options = null) => (_module, _options) = (module, (options ?? new()).Validated());

    /// <summary>
    /// Trains. However it ends, the network has the weights of the last step done, or of the lowest validation loss where the options ask for them and training
    /// comes to its end, and the mode that it had before.
    /// </summary>
    /// <param name="data">What to learn from and what to measure on.</param>
    /// <param name="progress">Told before the first step and after every step, on the calling thread's progress context.</param>
    /// <param name="cancellationToken">Checked before every step and every batch of an evaluation.</param>
    /// <returns>The losses that were measured on the way.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="TrainingDivergedException">The loss, or the gradients' norm, became NaN or infinite, and the options do not say otherwise.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The network's logits are NaN where it is evaluated.</exception>
    /// <exception cref="ArgumentException">The data fill no batch, and the last batch is dropped; or an option does not fit the network or the data.</exception>
    public TrainingHistory Train(TrainingData data, IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        using var engine = TrainingEngines.Create(_module, _options);
        using var loop = new TrainingLoop(engine, data, _options, progress, cancellationToken);
        TrainingHistory? history = null;
        try
        {
            return history = loop.Run();
        }
        finally
        {
            if (history is not null && loop.BestWeights is { } best) _module.Load(best);
            else if (engine is not TorchEngine) _module.Load(engine.Weights); // an engine of our own has trained a copy
        }
    }
}
