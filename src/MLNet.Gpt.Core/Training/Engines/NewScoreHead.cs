using MLNet.Gpt.Configuration;

namespace MLNet.Gpt.Training.Engines;

/// <summary>Weights with a new head of scores, <see cref="GptConfig.ScoreCount"/>, instead of their output head.</summary>
internal sealed class NewScoreHead(IWeightSource weights, GptConfig config, long seed) : IWeightSource
{
    private readonly (float[] Weight, float[] Bias) _head = WeightInitializer.CreateScoreHead(config, seed);

    public GptConfig Config => config;

    public void Read(string name, long start, Span<float> destination)
    {
        float[]? own = name switch
        {
            WeightNames.Score => _head.Weight,
            WeightNames.ScoreBias => _head.Bias,
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
