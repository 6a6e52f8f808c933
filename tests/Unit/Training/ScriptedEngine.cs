using MLNet.Gpt.Data;
using MLNet.Gpt.Training.Engines;

namespace MLNet.Gpt.Tests.Training;

/// <summary>
/// An engine whose losses are set by a test, and whose weights all equal the number of updates done plus a mark below
/// 1.
/// </summary>
internal sealed class ScriptedEngine : ITrainableNetwork
{
    /// <summary>Returns the batch loss of a step, from 1.</summary>
    public Func<int, double> BatchLoss { get; init; } = _ => 1;

    /// <summary>Returns the measured loss after a number of updates.</summary>
    public Func<int, double> Loss { get; init; } = _ => 1;

    public Action<int>? OnUpdate { get; init; }

    /// <summary>Distinguishes the weights of one process from those of another.</summary>
    public float Mark { get; init; }

    /// <summary>Called when weights are read, for example when a checkpoint writes them.</summary>
    public Action? OnWeights { get; init; }

    /// <summary>Called when the state is captured, which a checkpoint writes after the weights.</summary>
    public Action? OnCapture { get; init; }

    public int Updates { get; private set; }

    public int Accumulations { get; private set; }

    public List<double> Shares { get; } = [];

    public List<double> LearningRates { get; } = [];

    public IWeightSource Weights
    {
        get
        {
            OnWeights?.Invoke();
            return new GptWeights(
                GptPresets.Tiny,
                WeightNames.For(GptPresets.Tiny)
                    .ToDictionary(entry => entry.Name, entry => Enumerable.Repeat(Updates + Mark, (int)entry.ElementCount).ToArray()));
        }
    }

    public double Accumulate(TokenBatch batch, double share)
    {
        Shares.Add(share);
        return BatchLoss(++Accumulations);
    }

    public double ClipGradients(double? maximumNorm) => 1;

    public void Update(double learningRate)
    {
        LearningRates.Add(learningRate);
        Updates++;
        OnUpdate?.Invoke(Updates);
    }

    public void DiscardGradients()
    {
    }

    public LossSummary Measure(TokenBatch batch) => LossSummary.Of(Loss(Updates) * batch.Targets.Length, batch.Targets.Length);

    public IReadOnlyDictionary<string, byte[]> CaptureState()
    {
        OnCapture?.Invoke();
        return new Dictionary<string, byte[]> { ["updates"] = BitConverter.GetBytes(Updates) };
    }

    public byte[] CaptureRandom() => [];

    public void RestoreRandom(byte[] state)
    {
    }

    public void Restore(IWeightSource weights, IReadOnlyDictionary<string, byte[]> state)
    {
        Updates = BitConverter.ToInt32(state["updates"]);
        float[] element = [0];
        weights.Read(WeightNames.TokenEmbedding, 0, element);
        Assert.Equal(Updates, MathF.Floor(element[0]));
    }

    public void Dispose()
    {
    }
}
