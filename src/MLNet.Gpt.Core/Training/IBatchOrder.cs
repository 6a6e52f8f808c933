using MLNet.Gpt.Training.Engines;

namespace MLNet.Gpt.Training;

/// <summary>Decides which batches a step learns from and an evaluation measures.</summary>
internal interface IBatchOrder
{
    /// <summary>Batches in an epoch; at least 1.</summary>
    int BatchesPerEpoch { get; }

    /// <summary>What the rest of the epoch that was begun depends on, besides its number and the engine's random stream.</summary>
    long State { get; set; }

    /// <summary>The batches of an epoch.</summary>
    /// <param name="epoch">From 0.</param>
    /// <param name="first">
    /// The first batch that is wanted; above 0, the epoch was begun and <see cref="State"/> is that of its beginning.
    /// </param>
    IEnumerable<TokenBatch> Epoch(int epoch, int first);

    /// <summary>The losses on training and on validation data, in nats per token.</summary>
    /// <param name="engine">What is measured.</param>
    /// <param name="moment">When it is measured.</param>
    /// <param name="cancellationToken">Checked before each batch.</param>
    (double Training, double? Validation) Measure(ITrainableNetwork engine, EvaluationMoment moment, CancellationToken cancellationToken);
}
