using MLNet.Gpt.Configuration;

namespace MLNet.Gpt.Training.Engines;

/// <summary>Weights with a new head of scores, <see cref="GptConfig.ScoreCount"/>, instead of their output head.</summary>
/// <param name="weights">The weights.</param>
/// <param name="config">With the number of scores.</param>
/// <param name="seed">The seed of the head.</param>
/// <param name="hasBias">Whether the head's bias is drawn, too; otherwise it is 0.</param>
internal sealed class NewScoreHead(IWeightSource weights, GptConfig config, long seed, bool hasBias) : IWeightSource
{
    private readonly (float[] Weight, float[] Bias) _head = WeightInitializer.CreateScoreHead(config, seed);

    public GptConfig Config => config;

    public void Read(string name, long start, Span<float> destination)
    {
        float[]? own = name switch
        {
            WeightNames.Score => _head.Weight,
            WeightNames.ScoreBias => hasBias ? _head.Bias : new float[_head.Bias.Length],
            _ => null,
        };
        if (own is null)
        {
            weights.Read(name, start, destination);
            return;
        }

        Check.ElementRange(start, destination.Length, own.Length, name);
        own.AsSpan((int)start, destination.Length).CopyTo(destination);
    }
}

/// <summary>Weights without their head: those of a decoder, whose output head is then the token embedding.</summary>
/// <param name="weights">The weights.</param>
internal sealed class HeadlessWeights(IWeightSource weights) : IWeightSource
{
    public GptConfig Config { get; } = ConfigOf(weights.Config);

    /// <summary>Returns the configuration of a model's decoder.</summary>
    public static GptConfig ConfigOf(GptConfig config) => config with { HasTiedHead = true, ScoreCount = null };

    public void Read(string name, long start, Span<float> destination) => weights.Read(name, start, destination);
}
