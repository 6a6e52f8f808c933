using MLNet.Gpt.Data;
using MLNet.Gpt.Training.Engines;

namespace MLNet.Gpt.Tests.Training;

/// <summary>Cancels training in the middle of an evaluation, after a number of updates and measured batches.</summary>
internal sealed class CancellingEngine(ITrainableNetwork inner, int afterUpdates, int batches) : WrappedEngine(inner)
{
    private readonly CancellationTokenSource _source = new();
    private int _updates, _measured;

    public CancellationToken Token => _source.Token;

    public override void Update(double learningRate)
    {
        _updates++;
        base.Update(learningRate);
    }

    public override LossSummary Measure(TokenBatch batch)
    {
        if (_updates == afterUpdates && ++_measured == batches) _source.Cancel();
        return base.Measure(batch);
    }

    public override void Dispose()
    {
        base.Dispose();
        _source.Dispose();
    }
}
