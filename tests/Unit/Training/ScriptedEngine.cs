using MLNet.Gpt.Checkpoints;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Data;
using MLNet.Gpt.Loss;
using MLNet.Gpt.Training;

namespace MLNet.Gpt.Tests.Training;

/// <summary>An engine whose losses a test decides, and whose weights are all the number of updates done.</summary>
internal sealed class ScriptedEngine : ITrainingEngine
{
    /// <summary>The loss of the batch of a step, from 1.</summary>
    public Func<int, double> BatchLoss { get; init; } = _ => 1;

    /// <summary>The loss that is measured after so many updates.</summary>
    public Func<int, double> Loss { get; init; } = _ => 1;

    public Action<int>? OnUpdate { get; init; }

    public int Updates { get; private set; }

    public int Accumulations { get; private set; }

    public List<double> Shares { get; } = [];

    public List<double> LearningRates { get; } = [];

    public IWeightSource Weights => new GptWeights(
        GptPresets.Tiny, WeightNames.For(GptPresets.Tiny).ToDictionary(entry => entry.Name, entry => Enumerable.Repeat((float)Updates, (int)entry.ElementCount).ToArray()));

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

    public IReadOnlyDictionary<string, byte[]> CaptureState() => new Dictionary<string, byte[]> { ["updates"] = BitConverter.GetBytes(Updates) };

    public void Restore(IWeightSource weights, IReadOnlyDictionary<string, byte[]> state)
    {
        Updates = BitConverter.ToInt32(state["updates"]);
        float[] element = [0];
        weights.Read(WeightNames.TokenEmbedding, 0, element);
        Assert.Equal(Updates, element[0]);
    }

    public void Dispose()
    {
    }
}
