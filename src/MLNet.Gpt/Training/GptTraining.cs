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
}
