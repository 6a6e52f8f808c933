using MLNet.Gpt.Training;

namespace MLNet.Gpt.TorchSharp;

/// <summary>Trains TorchSharp networks to predict the next token, with AdamW.</summary>
/// <remarks>
/// Training on libtorch seeds its global generator, which dropout draws from, when it begins: two such trainings with
/// dropout at the same time in one process would draw from each other's numbers.
/// </remarks>
public static class GptModuleTraining
{
    /// <summary>
    /// Trains a network in place. However training ends, the network has the weights of the last step done, or of the
    /// lowest validation loss where the options ask for them and training comes to its end, and the mode that it had
    /// before.
    /// </summary>
    /// <param name="module">The network; it stays the caller's.</param>
    /// <param name="data">What to learn from and what to measure on.</param>
    /// <param name="options">How to train, and by which engine; the defaults where <see langword="null"/>.</param>
    /// <param name="progress">
    /// Told before the first step and after every step, on the calling thread's progress context.
    /// </param>
    /// <param name="cancellationToken">Checked before every step and every batch of an evaluation.</param>
    /// <returns>The losses that were measured on the way.</returns>
    /// <exception cref="OperationCanceledException">It was canceled.</exception>
    /// <exception cref="TrainingDivergedException">
    /// The loss, or the gradients' norm, became NaN or infinite, and the options do not say otherwise.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The network's logits are NaN where it is evaluated.</exception>
    /// <exception cref="ArgumentException">
    /// The data fill no batch, and the last batch is dropped; or an option does not fit the network or the data.
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
