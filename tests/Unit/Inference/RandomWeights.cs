
namespace MLNet.Gpt.Tests.Inference;

/// <summary>Weights of any configuration with the scales of a GPT-2 in training: matrices and biases of 0.02, norms near 1.</summary>
internal static class RandomWeights
{
    public static GptWeights Of(GptConfig config, int seed = 1, float deviation = 0.02f)
    {
        var random = new Random(seed);
        var arrays = new Dictionary<string, float[]>();
        foreach (var entry in WeightNames.For(config))
        {
            float centre = entry.Name.EndsWith("scale", StringComparison.Ordinal) ? 1 : 0;
            float[] array = new float[entry.ElementCount];
            for (int i = 0; i < array.Length; i++) array[i] = centre + (deviation * NextNormal(random));
            arrays[entry.Name] = array;
        }

        return new GptWeights(config, arrays);
    }

    public static int[] Ids(GptConfig config, int count, int seed = 2)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(config.VocabularySize))];
    }

    // A sum of three uniform numbers is near enough to a normal one, and quick.
    private static float NextNormal(Random random) => 2 * (random.NextSingle() + random.NextSingle() + random.NextSingle() - 1.5f);
}
