using MLNet.Gpt.Numerics.Random;
using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.TorchSharp;
using TorchSharp;

namespace MLNet.Gpt.Tests.Numerics;

/// <summary>
/// The oracle is libtorch's own generator, with the kernels that it chooses on a processor with AVX2.
/// </summary>
[Collection(TorchCollection.Name)]
public class PyTorchGeneratorTests
{
    public static TheoryData<int, long> Draws
    {
        get
        {
            var draws = new TheoryData<int, long>();
            foreach (int count in (int[])[1, 2, 5, 15, 16, 17, 31, 32, 33, 47, 100, 1000, 100_003])
            {
                foreach (long seed in (long[])[0, 123, -1, 1L << 40, 2_147_483_648]) draws.Add(count, seed);
            }

            return draws;
        }
    }

    [Theory]
    [MemberData(nameof(Draws))]
    public void Numbers_are_PyTorchs_bit_for_bit(int count, long seed)
    {
        LibTorch.EnsureLoaded();
        Assert.SkipUnless(System.Runtime.Intrinsics.X86.Avx2.IsSupported, "Without AVX2, libtorch has other kernels.");
        using var scope = torch.NewDisposeScope();
        var generator = new torch.Generator();
        generator.manual_seed(seed);
        var random = new PyTorchGenerator(seed);

        // One stream: a wrong number of draws in one call would show in the next.
        foreach (double deviation in (double[])[1, 0.02, 0.02 / Math.Sqrt(24)])
        {
            float[] normal = new float[count], uniform = new float[count];
            random.FillNormal(normal, 0.5, deviation);
            random.FillUniform(uniform, -deviation / 3, deviation);
            Assert.Equal(Bits(torch.empty(count).normal_(0.5, deviation, generator).data<float>().ToArray()), Bits(normal));
            Assert.Equal(Bits(torch.empty(count).uniform_(-deviation / 3, deviation, generator).data<float>().ToArray()), Bits(uniform));
        }
    }

    [Fact]
    public void Normal_numbers_have_their_mean_and_deviation()
    {
        float[] numbers = new float[1_000_000];
        new PyTorchGenerator(7).FillNormal(numbers, 3, 2);
        double mean = numbers.Average(x => (double)x);
        Assert.Equal(3, mean, 0.01); // 5 standard errors
        Assert.Equal(2, Math.Sqrt(numbers.Average(x => (x - mean) * (x - mean))), 0.01);
    }

    private static int[] Bits(float[] numbers) => [.. numbers.Select(BitConverter.SingleToInt32Bits)];
}
