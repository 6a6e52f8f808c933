using MLNet.Gpt.Data;
using MLNet.Gpt.Training.Engines;

namespace MLNet.Gpt.Tests.Training;

/// <summary>Takes a normal step, including dropout, and reports a loss of NaN, or throws.</summary>
internal sealed class DivergingEngine(ITrainableNetwork inner, int atStep, Exception? error = null) : WrappedEngine(inner)
{
    private int _steps;

    public override double Accumulate(TokenBatch batch, double share)
    {
        double loss = base.Accumulate(batch, share);
        if (++_steps != atStep) return loss;
        return error is null ? double.NaN : throw error;
    }
}
