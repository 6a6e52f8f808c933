using MLNet.Gpt.Generation;
using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.TorchSharp;
using static TorchSharp.torch;

namespace MLNet.Gpt.Tests.Generation;

/// <summary>Compares the managed draws with libtorch's own <c>multinomial</c> for the same seed.</summary>
[Collection(TorchCollection.Name)]
public class PyTorchDrawerTests
{
    [Theory]
    [InlineData(123, 50257, 1.0, null)]
    [InlineData(123, 50257, 1.4, 25)] // The book's example.
    [InlineData(42, 50257, 0.1, 50)]
    [InlineData(-7, 61, 1.0, null)] // fewer than 624 numbers per draw, so the generator's state is carried over
    [InlineData(4_294_967_301, 7, 5.0, 3)] // A seed over 32 bits.
    public void The_books_sampling_is_reproduced_token_for_token(long seed, int vocabularySize, double temperature, int? topK)
    {
        int draws = vocabularySize > 1000 ? 25 : 3000;
        LibTorch.EnsureLoaded();
        var options = new GenerationOptions { Temperature = temperature, TopK = topK, RandomAlgorithm = RandomAlgorithm.PyTorch };
        var sampler = new TokenSampler(options);
        var drawer = new PyTorchDrawer(seed);
        var random = new Random(1);

        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var generator = new Generator((ulong)seed, CPU);
        generator.manual_seed(seed);
        var expected = new List<long>();
        var actual = new List<long>();
        for (int draw = 0; draw < draws; draw++)
        {
            using var step = NewDisposeScope();
            float[] values = [.. Enumerable.Range(0, vocabularySize).Select(_ => (float)(random.NextDouble() * 8))];
            var logits = tensor(values).unsqueeze(0);
            if (topK is { } k)
            {
                var (best, _) = logits.topk(k);
                logits = where(logits < best[.., -1], tensor(float.NegativeInfinity), logits);
            }

            expected.Add(multinomial(softmax(logits / (float)temperature, -1), 1, generator: generator).item<long>());
            actual.Add(sampler.Sample(values, new([]), drawer));
        }

        Assert.Equal(expected, actual);
    }
}
