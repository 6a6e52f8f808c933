using MLNet.Gpt.Training;
using MLNet.Gpt.Training.Engines;

namespace MLNet.Gpt;

/// <summary>Trains GPT networks with AdamW to predict the next token, a class, or a number.</summary>
public static class GptTraining
{
    /// <summary>
    /// Trains a copy of weights, such as those of a loaded model. If training is canceled or fails, what was learned is
    /// kept only in checkpoints; if it diverges or a checkpoint cannot be written, the exception has it, too.
    /// </summary>
    /// <param name="weights">The initial weights; they are not changed.</param>
    /// <param name="data">The training and validation data.</param>
    /// <param name="options">How to train; the defaults if <see langword="null"/>.</param>
    /// <param name="progress">Called before the first step and after every step.</param>
    /// <param name="cancellationToken">Checked before every step and every batch of an evaluation.</param>
    /// <returns>
    /// The trained weights (those of the last step, or with the lowest validation loss if the options request them) and
    /// the measured losses.
    /// </returns>
    /// <exception cref="OperationCanceledException">Training was canceled.</exception>
    /// <exception cref="TrainingDivergedException">
    /// The loss, or the gradient norm, became NaN or infinite, and the options do not say otherwise.
    /// </exception>
    /// <exception cref="CheckpointException">A checkpoint that was due could not be written.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The network's logits are NaN when it is evaluated.</exception>
    /// <exception cref="ArgumentException">
    /// The data do not fill a batch and the last batch is dropped, or an option does not fit the network or the data.
    /// </exception>
    public static TrainingResult Train(
        this IWeightSource weights,
        TrainingData data,
        TrainingOptions? options = null,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(data);
        options = (options ?? new()).Validated();
        using var engine = options.Engine.CreateNetwork(weights, options);
        using var loop = new TrainingLoop(engine, data, options, progress, cancellationToken);
        try
        {
            loop.Run();
            return Result();
        }
        catch (TrainingDivergedException diverged)
        {
            diverged.Result = Result();
            throw;
        }
        catch (CheckpointException unsaved)
        {
            unsaved.Result = Result();
            throw;
        }

        TrainingResult Result()
        {
            var best = loop.Best ?? TrainedCopy.Of(engine);
            return best.Adapter is { } adapter
                ? new(() => GptWeights.CopyOf(adapter.Merge(weights)), loop.History) { Adapter = adapter }
                : new(() => best.Weights!, loop.History);
        }
    }

    /// <summary>
    /// Trains a copy of weights like <see cref="Train"/>, on a separate thread, so that the caller's thread is free
    /// meanwhile. Progress is reported on that thread; <see cref="Progress{T}"/> brings it back to the caller's.
    /// </summary>
    /// <inheritdoc cref="Train"/>
    public static Task<TrainingResult> TrainAsync(
        this IWeightSource weights,
        TrainingData data,
        TrainingOptions? options = null,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default) => Task.Factory.StartNew(
            () => weights.Train(data, options, progress, cancellationToken),
            cancellationToken,
            TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach,
            TaskScheduler.Default);
}
