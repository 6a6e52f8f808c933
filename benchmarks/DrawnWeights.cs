
namespace MLNet.Gpt.Benchmarks;

/// <summary>Weights like GPT-2's before training, each drawn when it is read, so that they take no memory.</summary>
internal sealed class DrawnWeights(GptConfig config) : IWeightSource
{
    public GptConfig Config => config;

    public void Read(string name, long start, Span<float> destination)
    {
        var entry = WeightNames.For(config).Single(entry => entry.Name == name);
        if (entry.Shape.Count < 2)
        {
            destination.Fill(name.EndsWith(".scale", StringComparison.Ordinal) ? 1 : 0);
            return;
        }

        ulong seed = name.Aggregate(5UL, (hash, letter) => (hash ^ letter) * 0x100000001B3);
        for (int i = 0; i < destination.Length; i++) destination[i] = Draw(seed, (ulong)(start + i));
    }

    // A sum of two uniform numbers, with standard deviation 0.02: cheap, and close enough to a normal distribution.
    private static float Draw(ulong seed, ulong index)
    {
        ulong z = seed + (index * 0x9E37_79B9_7F4A_7C15); // SplitMix64
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        z ^= z >> 31;
        return ((((uint)z) / (float)uint.MaxValue) + ((uint)(z >> 32) / (float)uint.MaxValue) - 1) * 0.049f;
    }
}
