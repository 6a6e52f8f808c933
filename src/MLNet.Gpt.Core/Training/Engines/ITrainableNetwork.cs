namespace MLNet.Gpt.Training.Engines;

/// <summary>
/// What a training loop needs of a network and its optimizer: gradients that add up, a step, and a state that can be
/// taken and given back.
/// </summary>
internal interface ITrainableNetwork : IDisposable
{
    /// <summary>
    /// Adds to the gradients those of <paramref name="share"/> times the batch's mean loss, dropout on.
    /// A step is one call with a share of 1, or several batches whose shares sum to 1.
    /// </summary>
    /// <returns>The batch's mean loss in nats per token, label smoothing in it, before the step.</returns>
    double Accumulate(TokenBatch batch, double share);

    /// <summary>Shortens all gradients together to a norm, where they are longer.</summary>
    /// <param name="maximumNorm">No limit where <see langword="null"/>.</param>
    /// <returns>Their norm before.</returns>
    double ClipGradients(double? maximumNorm);

    /// <summary>One step of the optimizer; the gradients are zero afterwards.</summary>
    void Update(double learningRate);

    /// <summary>Throws away the gradients gathered since the last step.</summary>
    void DiscardGradients();

    /// <summary>The loss of every target of a batch, without dropout, label smoothing and gradients.</summary>
    LossSummary Measure(TokenBatch batch);

    /// <summary>The weights as they are; a view that is valid until the next step.</summary>
    IWeightSource Weights { get; }

    /// <summary>
    /// Everything besides the weights that the next step depends on: the optimizer's moments and step, the state of
    /// dropout's random stream. A copy, in parts of under 2 GB.
    /// </summary>
    IReadOnlyDictionary<string, byte[]> CaptureState();

    /// <summary>Where the stream of random numbers stands that dropout draws from.</summary>
    byte[] CaptureRandom();

    /// <summary>Puts the stream of random numbers back to where it stood.</summary>
    void RestoreRandom(byte[] state);

    /// <summary>Puts back weights and a captured state; the steps after it are those that would have followed, bit for bit.</summary>
    void Restore(IWeightSource weights, IReadOnlyDictionary<string, byte[]> state);
}
