using MLNet.Gpt.Data;

namespace MLNet.Gpt.Training.Engines;

/// <summary>
/// A network with its optimizer, as the training loop sees it: it accumulates gradients, takes a step, and lets its
/// state be captured and restored.
/// </summary>
internal interface ITrainableNetwork : IDisposable
{
    /// <summary>
    /// Adds the gradients of <paramref name="weight"/> times the batch's mean loss, with dropout, to those accumulated
    /// so far. A step is one call with a weight of 1, or several batches whose weights sum to 1.
    /// </summary>
    /// <param name="batch">A batch with at least one target that counts.</param>
    /// <param name="weight">The weight.</param>
    /// <returns>The batch's mean loss in nats per target that counts, label smoothing included, before the step.</returns>
    double Accumulate(TokenBatch batch, double weight);

    /// <summary>Scales all gradients together down to a norm, if theirs is larger.</summary>
    /// <param name="maximumNorm">The norm; no limit if <see langword="null"/>.</param>
    /// <returns>The norm before clipping.</returns>
    double ClipGradients(double? maximumNorm);

    /// <summary>Takes one step of the optimizer and sets the gradients to zero.</summary>
    void Update(double learningRate);

    /// <summary>Discards the gradients accumulated since the last step.</summary>
    void DiscardGradients();

    /// <summary>Measures the loss of every target of a batch, without dropout, label smoothing and gradients.</summary>
    LossSummary Measure(TokenBatch batch);

    /// <summary>
    /// The sequences of the last batch whose class had the highest score; <see langword="null"/> if they have no classes.
    /// </summary>
    int? CorrectCount => null;

    /// <summary>The current weights, adapters merged: a view that is valid until the next step.</summary>
    IWeightSource Weights { get; }

    /// <summary>
    /// Copies what is trained if that is adapters, and weights beside them; <see langword="null"/> if the weights themselves are.
    /// </summary>
    LoraAdapter? CopyAdapter() => null;

    /// <summary>
    /// Copies everything besides the weights that the next step depends on: the optimizer's moments and step count, and
    /// the state of dropout's random stream. In parts of under 2 GB.
    /// </summary>
    IReadOnlyDictionary<string, byte[]> CaptureState();

    /// <summary>Copies the state of the random stream that dropout draws from.</summary>
    byte[] CaptureRandom();

    /// <summary>Restores the state of the random stream that dropout draws from.</summary>
    void RestoreRandom(byte[] state);

    /// <summary>
    /// Restores weights and a captured state. The steps after it are those that would have followed, bit for bit.
    /// </summary>
    void Restore(IWeightSource weights, IReadOnlyDictionary<string, byte[]> state);
}
