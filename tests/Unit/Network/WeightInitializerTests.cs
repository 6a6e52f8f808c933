using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.TorchSharp;

namespace MLNet.Gpt.Tests.Network;

/// <summary>The oracle is a TorchSharp network whose modules libtorch initializes.</summary>
[Collection(TorchCollection.Name)]
public class WeightInitializerTests
{
    private static readonly GptConfig Small = new()
    {
        VocabularySize = 61, ContextLength = 16, EmbeddingWidth = 32, HeadCount = 4, LayerCount = 3, HasQkvBias = true, HasTiedHead = false,
    };

    public static TheoryData<GptConfig, WeightInitialization> Models
    {
        get
        {
            var models = new TheoryData<GptConfig, WeightInitialization>();
            foreach (var initialization in Enum.GetValues<WeightInitialization>())
            {
                models.Add(Small, initialization);
                models.Add(Small with { HasTiedHead = true }, initialization);
                models.Add(Small with { HasQkvBias = false }, initialization);
                // Every tensor is short.
                models.Add(Small with { EmbeddingWidth = 1, HeadCount = 1, VocabularySize = 5, ContextLength = 3 }, initialization);
                models.Add(Small with { EmbeddingWidth = 7, HeadCount = 7, VocabularySize = 13 }, initialization); // tails of every length
            }

            return models;
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Weights_are_PyTorchs_bit_for_bit(GptConfig config, WeightInitialization initialization)
    {
        Assert.SkipUnless(Avx2.IsSupported, "Without AVX2, libtorch has other kernels.");
        foreach (long seed in (long[])[0, 1, 123, -5, long.MaxValue])
        {
            using var network = GptModule.Create(config, seed, initialization);
            AssertSame(network.ToWeights(), WeightInitializer.Create(config, seed, initialization));
        }
    }

    [Fact]
    public void The_lectures_model_has_TorchSharps_weights_bit_for_bit()
    {
        Assert.SkipUnless(Avx2.IsSupported, "Without AVX2, libtorch has other kernels.");
        using var network = GptModule.Create(GptPresets.Lecture, seed: 123);
        AssertSame(network.ToWeights(), WeightInitializer.Create(GptPresets.Lecture, seed: 123));
    }

    [Fact]
    public void The_bound_of_a_matrix_is_PyTorchs_for_every_width()
    {
        Assert.SkipUnless(Avx2.IsSupported, "Without AVX2, libtorch has other kernels.");
        foreach (int width in Enumerable.Range(1, 64).Append(768).Append(1024).Append(1280).Append(1600))
        {
            var config = Small with { EmbeddingWidth = width, HeadCount = 1, LayerCount = 1, VocabularySize = 2, ContextLength = 1 };
            using var network = GptModule.Create(config, seed: width, WeightInitialization.PyTorch);
            AssertSame(network.ToWeights(), WeightInitializer.Create(config, width, WeightInitialization.PyTorch));
        }
    }

    private static void AssertSame(GptWeights expected, GptWeights actual)
    {
        foreach (var entry in WeightNames.For(expected.Config))
        {
            Assert.True(MemoryMarshal.AsBytes(expected[entry.Name]).SequenceEqual(MemoryMarshal.AsBytes(actual[entry.Name])), entry.Name);
        }
    }
}
