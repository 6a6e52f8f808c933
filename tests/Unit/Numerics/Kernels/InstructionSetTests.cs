using System.Globalization;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using MLNet.Gpt.Inference;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Numerics.Kernels;

/// <summary>
/// What <see cref="SwitchedOffInstructionsTests"/> checks in a process with disabled instruction sets.
/// </summary>
public class InstructionSetTests
{
    public const string LanesVariable = "MLNET_GPT_EXPECTED_LANES";
    public const string HasByteProductsVariable = "MLNET_GPT_EXPECTED_BYTE_PRODUCTS";
    public const string DigestVariable = "MLNET_GPT_EXPECTED_DIGEST";

    [Fact]
    public void The_width_is_the_requested_one() =>
        Assert.Equal(Expected(LanesVariable), KernelSet.Best.Lanes.ToString(CultureInfo.InvariantCulture));

    [Fact]
    public void The_byte_products_are_available_or_not_as_requested() =>
        Assert.Equal(Expected(HasByteProductsVariable), AvxVnni.IsSupported.ToString());

    [Fact]
    public void A_model_gives_the_same_bits_as_with_all_instructions() => Assert.Equal(Expected(DigestVariable), Digest());

    /// <summary>A fingerprint of everything that a model computes at every precision.</summary>
    internal static string Digest()
    {
        var config = GptModelTests.Odd with { VocabularySize = 500 };
        var blocks = config with { EmbeddingWidth = 96 };
        int[] ids = RandomWeights.Ids(config, 280);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var cases = Enum.GetValues<WeightPrecision>().Select(precision => (precision, RandomWeights.Of(config)));
        var ofBlocks = new[]
        {
            (WeightPrecision.Int8, RandomWeights.OfBlocks(blocks)), (WeightPrecision.Int4, RandomWeights.Of(blocks)),
        };
        foreach (var (precision, weights) in cases.Concat(ofBlocks))
        {
            using var model = GptModel.FromWeights(weights, new CountingTokenizer(config.VocabularySize), new() { Precision = precision });
            hash.AppendData(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(model.ComputeLogits(ids)));
            var scores = new TokenScore[279];
            model.Score(ids.AsSpan(0, 279), ids.AsSpan(1), [279], scores, TestContext.Current.CancellationToken);
            foreach (var score in scores) hash.AppendData(BitConverter.GetBytes(score.NegativeLogLikelihood));
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static string Expected(string variable)
    {
        string? value = Environment.GetEnvironmentVariable(variable);
        Assert.SkipWhen(value is null, "This is asked in a process of its own only.");
        return value;
    }
}
