using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Tests.Inference;

public class GptModelTests
{
    /// <summary>
    /// Sizes that are not multiples of any panel, tile, register or block; more positions than one block of the cache.
    /// </summary>
    internal static readonly GptConfig Odd = new()
    {
        VocabularySize = 131, ContextLength = 300, EmbeddingWidth = 39, HeadCount = 3, LayerCount = 2,
        HasQkvBias = true, HasTiedHead = true,
    };

    public static TheoryData<GptConfig> Configs =>
    [
        GptPresets.Tiny,
        Odd,
        Odd with { HasTiedHead = false, HasQkvBias = false },
        Odd with { EmbeddingWidth = 64, HeadCount = 1, VocabularySize = 1 },
        Odd with { EmbeddingWidth = 3, HeadCount = 3, VocabularySize = 2, ContextLength = 7, LayerCount = 1 },
        Odd with { EmbeddingWidth = 200, HeadCount = 2, VocabularySize = 97, ContextLength = 31 },
    ];

    [Theory]
    [MemberData(nameof(Configs))]
    public void Logits_are_those_of_a_forward_pass_in_double_precision(GptConfig config)
    {
        var weights = RandomWeights.Of(config, deviation: 0.15f);
        int[] ids = RandomWeights.Ids(config, config.ContextLength);
        var expected = new ReferenceForward(weights).Logits(ids);
        foreach (var kernels in KernelSet.All)
        {
            using var model = GptModel.FromWeights(weights, new CountingTokenizer(config.VocabularySize), null, kernels);
            float[] logits = model.ComputeLogits(ids);
            AssertClose(expected, logits, 2e-4);
        }
    }

    [Theory]
    [MemberData(nameof(Configs))]
    public void A_session_gives_the_same_bits_however_the_tokens_are_appended(GptConfig config)
    {
        int v = config.VocabularySize;
        int[] ids = RandomWeights.Ids(config, config.ContextLength);
        using var model = GptModel.FromWeights(RandomWeights.Of(config), new CountingTokenizer(v));
        float[] whole = model.ComputeLogits(ids);
        foreach (int step in new[] { 1, 2, 7, 8, 13, 250 })
        {
            using var session = model.CreateSession();
            for (int first = 0; first < ids.Length; first += step)
            {
                int end = Math.Min(ids.Length, first + step);
                var logits = session.Append(ids.AsSpan(first..end), TestContext.Current.CancellationToken);
                Assert.Equal(whole.AsSpan((end - 1) * v, v), logits);
            }
        }
    }

    private static void AssertClose(double[][] expected, float[] actual, double tolerance)
    {
        int width = expected[0].Length;
        for (int t = 0; t < expected.Length; t++)
        {
            for (int i = 0; i < width; i++) Assert.Equal(expected[t][i], actual[(t * width) + i], tolerance);
        }
    }
}
