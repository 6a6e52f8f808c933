using MLNet.Gpt.Checkpoints;
using MLNet.Gpt.Data;
using MLNet.Gpt.Loss;
using MLNet.Gpt.Training;

namespace MLNet.Gpt.Tests.Training;

/// <summary>Cancels a training amid the evaluation after so many updates, when so many batches of it are measured.</summary>
internal sealed class CancellingEngine(ITrainingEngine inner, int afterUpdates, int batches) : ITrainingEngine
{
    private readonly CancellationTokenSource _source = new();
    private int _updates, _measured;

    public CancellationToken Token => _source.Token;

    public IWeightSource Weights => inner.Weights;

    public double Accumulate(TokenBatch batch, double share) => inner.Accumulate(batch, share);

    public double ClipGradients(double? maximumNorm) => inner.ClipGradients(maximumNorm);

    public void Update(double learningRate)
    {
        _updates++;
        inner.Update(learningRate);
    }

    public void DiscardGradients() => inner.DiscardGradients();

    public LossSummary Measure(TokenBatch batch)
    {
        if (_updates == afterUpdates && ++_measured == batches) _source.Cancel();
        return inner.Measure(batch);
    }

    public IReadOnlyDictionary<string, byte[]> CaptureState() => inner.CaptureState();

    public void Restore(IWeightSource weights, IReadOnlyDictionary<string, byte[]> state) => inner.Restore(weights, state);

    public void Dispose()
    {
        inner.Dispose();
        _source.Dispose();
    }
}
