
namespace MLNet.Gpt.Tests;

/// <summary>Small models with weights from a seed, large enough that every prediction differs, and a vocabulary of words.</summary>
internal static class TinyModels
{
    /// <summary>Words w0 … w59 and the end of text.</summary>
    public static ITextTokenizer Words { get; } = new WordTokenizer(
        [.. Enumerable.Range(0, 60).Select(i => $"w{i}"), "<|endoftext|>"], endOfText: "<|endoftext|>");

    public static GptModel Create(ITextTokenizer? tokenizer = null, int seed = 1) =>
        GptModel.FromWeights(Weights(GptPresets.Tiny, seed), tokenizer ?? Words, new GptModelOptions { ThreadCount = 2 });

    public static GptWeights Weights(GptConfig config, int seed)
    {
        var random = new Random(seed);
        return new(config, WeightNames.For(config).ToDictionary(entry => entry.Name, entry => Fill(entry, random)));
    }

    /// <summary>Returns a text with a number of words, determined by the seed.</summary>
    public static string Text(int wordCount, int seed)
    {
        var random = new Random(seed);
        return string.Join(' ', Enumerable.Range(0, wordCount).Select(_ => $"w{random.Next(60)}"));
    }

    private static float[] Fill(WeightEntry entry, Random random)
    {
        float[] elements = new float[entry.ElementCount];
        bool isScale = entry.Name.EndsWith(".scale", StringComparison.Ordinal);
        for (int i = 0; i < elements.Length; i++) elements[i] = (isScale ? 1 : 0) + (float)((random.NextDouble() - 0.5) * 0.6);
        return elements;
    }
}
