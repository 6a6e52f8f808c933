using MLNet.Gpt.Training;

namespace MLNet.Gpt.TorchSharp;

/// <summary>Trains TorchSharp networks to predict the next token, with AdamW.</summary>
/// <remarks>
/// When it begins, training on libtorch seeds the global generator, from which dropout draws: two concurrent runs with
/// dropout in one process would draw from each other's numbers.
/// </remarks>
public static class GptModuleTraining
{
    /// <summary>
    /// Trains a network in place. However training ends, the network is back in its previous mode and has the weights
    /// of the last completed step, or those of the lowest validation loss if the options request them and training runs
    /// to its end.
    /// </summary>
    /// <param name="module">The network; the caller still owns it.</param>
    /// <param name="data">The training and validation data.</param>
    /// <param name="options">How to train, and with which engine; <see langword="null"/> for the defaults.</param>
    /// <param name="progress">
    /// Receives a report before the first step and after every step, on the calling thread.
    /// </param>
    /// <param name="cancellationToken">Checked before every step and every batch of an evaluation.</param>
    /// <returns>The losses measured during training.</returns>
    /// <exception cref="OperationCanceledException">Training was canceled.</exception>
    /// <exception cref="TrainingDivergedException">
    /// The loss or the gradients' norm became NaN or infinite, and the options do not say otherwise.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The network's logits are NaN in an evaluation.</exception>
    /// <exception cref="ArgumentException">
    /// The data do not fill a batch, and the last batch is dropped; or an option does not fit the network or the data.
    /// </exception>
    public static TrainingHistory Train(
        this GptModule module,
        TrainingData data,
        TrainingOptions? options = null,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        options = (options ?? new()).Validated();
        var torch = options.Engine as TorchSharpEngine;
        using var network = torch?.Wrap(module, options) ?? options.Engine.CreateNetwork(module.ToWeights(), options);
        using var loop = new TrainingLoop(network, data, options, progress, cancellationToken);
        TrainingHistory? history = null;
        try
        {
            return history = loop.Run();
        }
        finally
        {
            if (history is not null && loop.BestWeights is { } best) module.Load(best);
            else if (torch is null) module.Load(network.Weights); // another engine has trained a copy
        }
    }
}
