using MLNet.Gpt.Data;
using MLNet.Gpt.Training.Engines;

namespace MLNet.Gpt.Tests.Training;

/// <summary>Forwards everything to an engine, which it owns.</summary>
internal abstract class WrappedEngine(ITrainableNetwork inner) : ITrainableNetwork
{
    public IWeightSource Weights => inner.Weights;

    public virtual double Accumulate(TokenBatch batch, double share) => inner.Accumulate(batch, share);

    public double ClipGradients(double? maximumNorm) => inner.ClipGradients(maximumNorm);

    public virtual void Update(double learningRate) => inner.Update(learningRate);

    public void DiscardGradients() => inner.DiscardGradients();

    public virtual LossSummary Measure(TokenBatch batch) => inner.Measure(batch);

    public IReadOnlyDictionary<string, byte[]> CaptureState() => inner.CaptureState();

    public byte[] CaptureRandom() => inner.CaptureRandom();

    public void RestoreRandom(byte[] state) => inner.RestoreRandom(state);

    public void Restore(IWeightSource weights, IReadOnlyDictionary<string, byte[]> state) => inner.Restore(weights, state);

    public virtual void Dispose() => inner.Dispose();
}
