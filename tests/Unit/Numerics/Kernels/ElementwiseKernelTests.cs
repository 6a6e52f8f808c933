using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Tests.Numerics.Kernels;

public unsafe class ElementwiseKernelTests
{
    public static TheoryData<int> Lengths => [1, 2, 15, 16, 17, 31, 48, 63, 768, 1600];

    [Fact]
    public void The_exponential_is_right_to_the_last_bits()
    {
        double worst = 0;
        for (float x = -87; x < 88; x += 0.00037f)
        {
            double expected = Math.Exp(x), actual = Exponential.Of(Vector512.Create(x))[5];
            worst = Math.Max(worst, Math.Abs(actual - expected) / expected);
        }

        Assert.InRange(worst, 0, 2.4e-7);
    }

    [Fact]
    public void The_hyperbolic_tangent_is_right_to_the_last_bits()
    {
        double worst = 0;
        for (float x = -12; x < 12; x += 0.00037f)
        {
            double expected = Math.Tanh(x), actual = HyperbolicTangent.Of(Vector512.Create(x))[5];
            worst = Math.Max(worst, Math.Abs(actual - expected) / Math.Max(Math.Abs(expected), 1e-30));
        }

        Assert.InRange(worst, 0, 2.4e-7);
        Assert.Equal([0, 1, -1, 1e-20f], new[] { 0, 1000, float.NegativeInfinity, 1e-20f }.Select(Of));
        Assert.True(float.IsNaN(Of(float.NaN)));

        static float Of(float x) => HyperbolicTangent.Of(Vector512.Create(x))[15];
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void A_soft_cap_and_its_slope_do_not_depend_on_the_length(int count)
    {
        using var x = KernelSetTests.Numbers(count, 1);
        using var gradient = KernelSetTests.Numbers(count, 2);
        float* numbers = KernelSetTests.At(x), slopes = KernelSetTests.At(gradient);
        float[] inputs = new Span<float>(numbers, count).ToArray(), gradients = new Span<float>(slopes, count).ToArray();
        var cap = new SoftCap(1.5f);
        cap.Apply(numbers, count, scale: 3);
        cap.Backward(numbers, slopes, count);
        for (int i = 0; i < count; i++)
        {
            double t = Math.Tanh(3 * inputs[i] / 1.5);
            Assert.Equal(1.5 * t, numbers[i], 1e-6);
            Assert.Equal(gradients[i] * (1 - (t * t)), slopes[i], 1e-6);
            float alone = inputs[i];
            cap.Apply(&alone, 1, scale: 3);
            Assert.Equal(numbers[i], alone);
        }
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(-88, 0)]
    [InlineData(float.NegativeInfinity, 0)]
    [InlineData(float.NaN, float.NaN)]
    public void The_exponential_is_exact_where_it_must_be(float x, float expected) =>
        Assert.Equal(expected, Exponential.Of(Vector512.Create(x))[15]);

    [Fact]
    public void The_exponential_of_large_numbers_is_large() =>
        Assert.InRange(Exponential.Of(Vector512.Create(1e9f))[0], 2e38f, float.PositiveInfinity);

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Layer_norm_has_mean_0_and_variance_1_before_scale_and_shift(int width)
    {
        using var x = KernelSetTests.Numbers(width, 1);
        using var scale = KernelSetTests.Numbers(width, 2);
        using var shift = KernelSetTests.Numbers(width, 3);
        using var y = KernelSetTests.Numbers(width + 1, 4);
        float guard = KernelSetTests.At(y)[width];
        float* input = KernelSetTests.At(x);
        for (int i = 0; i < width; i++) input[i] += 5;
        new Norm(isCentered: true, 1e-5f, KernelSetTests.At(scale), KernelSetTests.At(shift)).Apply(input, width, KernelSetTests.At(y));

        double mean = 0, variance = 0;
        for (int i = 0; i < width; i++) mean += input[i] / (double)width;
        for (int i = 0; i < width; i++) variance += (input[i] - mean) * (input[i] - mean) / width;
        for (int i = 0; i < width; i++)
        {
            double expected = (
                (input[i] - mean) / Math.Sqrt(variance + 1e-5) * KernelSetTests.At(scale)[i]) + KernelSetTests.At(shift)[i];
            Assert.Equal(expected, KernelSetTests.At(y)[i], 1e-5);
        }

        Assert.Equal(guard, KernelSetTests.At(y)[width]);
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void An_RMS_norm_subtracts_no_mean(int width)
    {
        using var x = KernelSetTests.Numbers(width, 1);
        using var scale = KernelSetTests.Numbers(width, 2);
        using var y = KernelSetTests.Numbers(width + 1, 4);
        float guard = KernelSetTests.At(y)[width];
        float* input = KernelSetTests.At(x);
        for (int i = 0; i < width; i++) input[i] += 5;
        new Norm(isCentered: false, 1e-6f, KernelSetTests.At(scale), null).Apply(input, width, KernelSetTests.At(y));

        double square = 0;
        for (int i = 0; i < width; i++) square += (double)input[i] * input[i] / width;
        for (int i = 0; i < width; i++)
        {
            Assert.Equal(input[i] / Math.Sqrt(square + 1e-6) * KernelSetTests.At(scale)[i], KernelSetTests.At(y)[i], 1e-5);
        }

        Assert.Equal(guard, KernelSetTests.At(y)[width]);
    }

    [Fact]
    public void Activations_and_their_slopes_are_those_of_their_formulas()
    {
        Check<Gelu>(x => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x)))));
        Check<GeluExact>(x => x * NormalProbability(x));
        Check<Silu>(x => x / (1 + Math.Exp(-x)));

        static void Check<TActivation>(Func<double, double> formula)
            where TActivation : struct, IActivation
        {
            const double Step = 1e-4;
            for (float x = -9; x <= 9; x += 0.0625f)
            {
                var number = System.Runtime.Intrinsics.Vector512.Create(x);
                var (value, slope) = default(TActivation).WithSlope(number);
                Assert.Equal(formula(x), value[0], 1e-6);
                Assert.Equal(default(TActivation).Of(number), value);
                Assert.Equal((formula(x + Step) - formula(x - Step)) / (2 * Step), slope[0], 2e-6);
            }
        }

        // Φ(x), by Simpson's rule.
        static double NormalProbability(double x)
        {
            const int Steps = 2000;
            double sum = 0, width = x / Steps;
            for (int i = 0; i <= Steps; i++)
            {
                double at = i * width, weight = i is 0 or Steps ? 1 : i % 2 == 0 ? 2 : 4;
                sum += weight * Math.Exp(-at * at / 2);
            }

            return 0.5 + (sum * width / 3 / Math.Sqrt(2 * Math.PI));
        }
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Gelu_is_that_of_the_sum(int count)
    {
        using var a = KernelSetTests.Numbers(count, 1);
        using var b = KernelSetTests.Numbers(count, 2);
        using var y = KernelSetTests.Numbers(count + 1, 3);
        float guard = KernelSetTests.At(y)[count];
        for (int i = 0; i < count; i++) KernelSetTests.At(a)[i] *= 12;
        Activation<Gelu>.OfSum(KernelSetTests.At(a), KernelSetTests.At(b), KernelSetTests.At(y), count);
        for (int i = 0; i < count; i++)
        {
            double x = KernelSetTests.At(a)[i] + KernelSetTests.At(b)[i];
            double expected = 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x))));
            Assert.Equal(expected, KernelSetTests.At(y)[i], 4e-6);
        }

        Assert.Equal(guard, KernelSetTests.At(y)[count]);
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Rows_add_and_scale(int count)
    {
        using var a = KernelSetTests.Numbers(count, 1);
        using var b = KernelSetTests.Numbers(count, 2);
        using var y = KernelSetTests.Numbers(count, 3);
        float[] first = new Span<float>(KernelSetTests.At(a), count).ToArray(),
            second = new Span<float>(KernelSetTests.At(b), count).ToArray();
        float[] before = new Span<float>(KernelSetTests.At(y), count).ToArray();
        Row.AddSum(KernelSetTests.At(y), KernelSetTests.At(a), KernelSetTests.At(b), KernelSetTests.At(y), count);
        for (int i = 0; i < count; i++) Assert.Equal(before[i] + (first[i] + second[i]), KernelSetTests.At(y)[i]);
        Row.Add(KernelSetTests.At(a), KernelSetTests.At(b), KernelSetTests.At(y), count);
        for (int i = 0; i < count; i++) Assert.Equal(first[i] + second[i], KernelSetTests.At(y)[i]);
        Row.Scale(KernelSetTests.At(a), 0.37f, KernelSetTests.At(a), count);
        for (int i = 0; i < count; i++) Assert.Equal(first[i] * 0.37f, KernelSetTests.At(a)[i]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(1000)]
    public void A_softmax_in_blocks_equals_the_softmax_of_the_whole(int blockLength)
    {
        const int Count = 1000;
        const float Scale = 0.125f;
        var random = new Random(7);
        float[] scores = [.. Enumerable.Range(0, Count).Select(_ => 200 * (random.NextSingle() - 0.5f))];
        float* block = stackalloc float[1008];
        var softmax = OnlineSoftmax.Empty;
        double gathered = 0; // Σ weight × index, as in attention
        for (int first = 0; first < Count; first += blockLength)
        {
            int count = Math.Min(blockLength, Count - first);
            scores.AsSpan(first, count).CopyTo(new Span<float>(block, count));
            gathered *= softmax.Add(block, count, Scale);
            for (int i = 0; i < count; i++) gathered += (double)block[i] * (first + i);
        }

        double maximum = scores.Max() * (double)Scale, sum = scores.Sum(score => Math.Exp((score * (double)Scale) - maximum));
        double expected = 0;
        for (int i = 0; i < Count; i++) expected += Math.Exp((scores[i] * (double)Scale) - maximum) / sum * i;
        Assert.Equal(sum, softmax.Sum, sum * 3e-6);
        Assert.Equal(expected, gathered / softmax.Sum, 2e-3);
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void A_log_sum_exp_in_chunks_equals_that_of_the_whole(int stretch)
    {
        var random = new Random(8);
        float[] logits = [.. Enumerable.Range(0, 1601).Select(_ => 40 * (random.NextSingle() - 0.5f))];
        float target = logits[700];
        var parts = new List<LogSumExp>();
        fixed (float* start = logits)
        {
            for (int first = 0; first < logits.Length; first += stretch)
            {
                parts.Add(LogSumExp.Of(start + first, Math.Min(stretch, logits.Length - first), target));
            }
        }

        double maximum = logits.Max();
        Assert.Equal(maximum + Math.Log(logits.Sum(logit => Math.Exp(logit - maximum))), LogSumExp.Combine(parts.ToArray()), 1e-6);
        Assert.Equal(logits.Count(logit => logit > target), parts.Sum(part => part.AboveTarget));
    }
}
