using MLNet.Gpt.Data;
using MLNet.Gpt.Training.Engines;

namespace MLNet.Gpt.Training;

/// <summary>Decides which batches a step learns from and which an evaluation measures.</summary>
internal interface IBatchOrder
{
    /// <summary>Batches per epoch; at least 1.</summary>
    int BatchesPerEpoch { get; }

    /// <summary>What the rest of the current epoch depends on, besides its number and the engine's random stream.</summary>
    long State { get; set; }

    /// <summary>Returns the batches of an epoch.</summary>
    /// <param name="epoch">The epoch, from 0.</param>
    /// <param name="first">
    /// The first batch to return. If it is above 0, the epoch is resumed, and <see cref="State"/> is that of its
    /// beginning.
    /// </param>
    IEnumerable<TokenBatch> Epoch(int epoch, int first);

    /// <summary>Measures the losses on training and on validation data.</summary>
    /// <param name="engine">The network to measure.</param>
    /// <param name="moment">When it is measured.</param>
    /// <param name="cancellationToken">Checked before each batch.</param>
    (MeasuredLoss Training, MeasuredLoss? Validation) Measure(
        ITrainableNetwork engine, EvaluationMoment moment, CancellationToken cancellationToken);
}

/// <summary>What an evaluation has measured on some data.</summary>
/// <param name="Loss">Nats per target that counts, or the mean squared error.</param>
/// <param name="Accuracy">The fraction of sequences whose class had the highest score, if they have classes.</param>
internal readonly record struct MeasuredLoss(double Loss, double? Accuracy = null);

/// <summary>When an evaluation takes place.</summary>
internal enum EvaluationMoment
{
    /// <summary>Before the first step.</summary>
    Before,

    /// <summary>At a step that the interval says is due.</summary>
    Due,

    /// <summary>After the last step, if none was due there.</summary>
    After,
}
