
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

    /// <summary>Like <see cref="Of"/>, but every matrix whose rows are whole blocks of 32 is exactly one of Q8_0.</summary>
    public static GptWeights OfBlocks(GptConfig config, int seed = 1, float deviation = 0.02f)
    {
        var weights = Of(config, seed, deviation);
        var arrays = new Dictionary<string, float[]>();
        foreach (var entry in WeightNames.For(config))
        {
            float[] array = weights[entry.Name].ToArray();
            for (int i = 0; entry.Shape.Count == 2 && entry.Shape[^1] % 32 == 0 && i < array.Length; i += 32)
            {
                var block = array.AsSpan(i, 32);
                float scale = (float)(Half)(block.ToArray().Max(MathF.Abs) / 127);
                foreach (ref float number in block) number = Math.Clamp(MathF.Round(number / scale), -127, 127) * scale;
                block[i / 32 % 32] = (i / 32 % 2 == 0 ? 127 : -127) * scale; // a block's greatest magnitude has the byte 127
            }

            arrays[entry.Name] = array;
        }

        return new GptWeights(config, arrays);
    }

    public static int[] Ids(GptConfig config, int count, int seed = 2)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(config.VocabularySize))];
    }

    // A sum of three uniform numbers is close enough to a normal one, and fast.
    private static float NextNormal(Random random) => 2 * (random.NextSingle() + random.NextSingle() + random.NextSingle() - 1.5f);
}
