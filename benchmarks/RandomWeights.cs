
namespace MLNet.Gpt.Benchmarks;

/// <summary>Weights like GPT-2's before training: speed does not depend on what a model has learned.</summary>
internal static class RandomWeights
{
    public static GptWeights Create(GptConfig config, int seed = 5)
    {
        var random = new Random(seed);
        return new(config, WeightNames.For(config).ToDictionary(entry => entry.Name, entry => Draw(entry, random)));
    }

    private static float[] Draw(WeightEntry entry, Random random)
    {
        float[] elements = new float[entry.ElementCount];
        if (entry.Name.EndsWith(".scale", StringComparison.Ordinal)) Array.Fill(elements, 1);
        if (entry.Shape.Count < 2) return elements;

        // A sum of two uniform numbers, with standard deviation 0.02: cheap, and close enough to a normal distribution.
        for (int i = 0; i < elements.Length; i++) elements[i] = (random.NextSingle() + random.NextSingle() - 1) * 0.049f;
        return elements;
    }
}
