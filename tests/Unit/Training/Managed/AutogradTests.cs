using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.TorchSharp;
using MLNet.Gpt.Training.Engines;
using TorchSharp;

namespace MLNet.Gpt.Tests.Training.Managed;

/// <summary>
/// Compares the engine's gradients with those of TorchSharp's autograd in double precision, for the same weights and
/// batches.
/// </summary>
[Collection(TorchCollection.Name)]
public class AutogradTests
{
    private const double Tolerance = 1e-4;

    private static readonly GptConfig Tiny = GptPresets.Tiny;

    // Sizes that are not multiples of any vector, tile or panel.
    private static readonly GptConfig Odd = new()
    {
        VocabularySize = 101, ContextLength = 83, EmbeddingWidth = 39, HeadCount = 3, LayerCount = 2, DropoutRate = 0,
        HasQkvBias = false, HasTiedHead = false,
    };

    // Wider than a pass of 768, with a vocabulary of several passes.
    private static readonly GptConfig Wide = new()
    {
        VocabularySize = 3500, ContextLength = 40, EmbeddingWidth = 208, HeadCount = 2, LayerCount = 1,
        DropoutRate = 0,
    };

    public static TheoryData<string, GptConfig, int, int, double> Cases => new()
    {
        { "as GPT-2 is", Tiny, 3, 16, 0 },
        { "no bias, head of its own", Tiny with { HasQkvBias = false, HasTiedHead = false }, 3, 16, 0 },
        { "bias, head of its own", Tiny with { HasTiedHead = false }, 2, 9, 0 },
        { "no bias, tied head", Tiny with { HasQkvBias = false }, 2, 9, 0 },
        { "odd sizes", Odd, 3, 83, 0 },
        { "odd sizes, tied head with bias", Odd with { HasQkvBias = true, HasTiedHead = true }, 1, 67, 0 },
        { "one token", Odd, 1, 1, 0 },
        { "one token a window", Tiny, 5, 1, 0 },
        { "label smoothing", Tiny, 3, 16, 0.1 },
        { "label smoothing, odd sizes", Odd, 2, 21, 0.3 },
        { "wide", Wide, 8, 40, 0 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Gradients_and_loss_equal_autograds(string name, GptConfig config, int batchSize, int tokens, double smoothing)
    {
        Assert.NotEmpty(name);
        var weights = TinyModels.Weights(config, seed: 3);
        var batch = Batches.Create(config, batchSize, tokens, seed: 4);
        using var engine = new ManagedEngine(weights, new() { LabelSmoothing = smoothing, ThreadCount = 2 });
        double loss = engine.Accumulate(batch, share: 1);

        using var scope = torch.NewDisposeScope();
        var module = DoubleModule(weights);
        var expected = Batches.Loss(module, batch, smoothing);
        expected.backward();
        Assert.Equal(expected.item<double>(), loss, 1e-5);
        AssertSame(module, engine);
    }

    [Fact]
    public void Gradients_are_right_at_every_register_width()
    {
        var weights = TinyModels.Weights(Odd, seed: 3);
        var batch = Batches.Create(Odd, 2, 70, seed: 4);
        using var scope = torch.NewDisposeScope();
        var module = DoubleModule(weights);
        Batches.Loss(module, batch).backward();
        foreach (var kernels in KernelSet.All)
        {
            using var engine = new ManagedEngine(weights, kernels: kernels);
            engine.Accumulate(batch, share: 1);
            AssertSame(module, engine);
        }
    }

    [Fact]
    public void Gradients_of_batches_add_up_by_their_weights()
    {
        var weights = TinyModels.Weights(Odd, seed: 3);
        var (first, second) = (Batches.Create(Odd, 2, 30, seed: 4), Batches.Create(Odd, 3, 11, seed: 5));
        using var engine = new ManagedEngine(weights);
        engine.Accumulate(first, share: 0.7);
        engine.Accumulate(second, share: 0.3);

        using var scope = torch.NewDisposeScope();
        var module = DoubleModule(weights);
        ((Batches.Loss(module, first) * 0.7) + (Batches.Loss(module, second) * 0.3)).backward();
        AssertSame(module, engine);
    }

    [Fact]
    public void Clipping_scales_all_gradients_down_to_the_norm()
    {
        var weights = TinyModels.Weights(Tiny, seed: 3);
        var batch = Batches.Create(Tiny, 2, 16, seed: 4);
        using var engine = new ManagedEngine(weights);
        engine.Accumulate(batch, share: 1);
        double unlimited = engine.ClipGradients(null), norm = engine.ClipGradients(unlimited / 3);

        using var scope = torch.NewDisposeScope();
        var module = DoubleModule(weights);
        Batches.Loss(module, batch).backward();
        double expected = torch.nn.utils.clip_grad_norm_(module.parameters(), unlimited / 3);
        Assert.Equal(expected, norm, 1e-5 * expected);
        Assert.Equal(unlimited, norm);
        AssertSame(module, engine);
    }

    [Fact]
    public void A_frozen_weight_gets_no_gradient_and_does_not_count_in_the_norm()
    {
        var weights = TinyModels.Weights(Tiny, seed: 3);
        var batch = Batches.Create(Tiny, 2, 16, seed: 4);
        string[] frozen = [WeightNames.TokenEmbedding, WeightNames.Key(0), WeightNames.FeedForwardIn(1), WeightNames.FinalNormScale];
        using var engine = new ManagedEngine(weights, new() { IsFrozen = frozen.Contains });
        engine.Accumulate(batch, share: 1);
        double norm = engine.ClipGradients(null);

        using var scope = torch.NewDisposeScope();
        var module = DoubleModule(weights);
        foreach (string name in frozen) module.ParametersByName()[name].requires_grad = false;
        Batches.Loss(module, batch).backward();
        double expected = torch.nn.utils.clip_grad_norm_(
            module.parameters().Where(parameter => parameter.requires_grad), double.PositiveInfinity);
        Assert.Equal(expected, norm, 1e-5 * expected);

        engine.Update(0.1);
        foreach (string name in frozen) Assert.Equal(weights[name], Weight(engine, name));
        Assert.NotEqual(weights[WeightNames.Query(0)].ToArray(), Weight(engine, WeightNames.Query(0)));
    }

    [Fact]
    public void Gradients_equal_finite_differences_of_the_loss()
    {
        var weights = TinyModels.Weights(Tiny, seed: 3);
        var batch = Batches.Create(Tiny, 2, 16, seed: 4);
        using var engine = new ManagedEngine(weights);
        engine.Accumulate(batch, share: 1);
        foreach (var entry in WeightNames.For(Tiny))
        {
            // The element with the greatest gradient, where a difference in single precision is most meaningful.
            float[] gradient = engine.Gradient(entry.Name);
            int index = Enumerable.Range(0, gradient.Length).MaxBy(i => Math.Abs(gradient[i]));
            const float Step = 4e-3f;
            double difference = (LossWith(weights, entry.Name, index, Step) - LossWith(weights, entry.Name, index, -Step)) / (2 * Step);
            if (entry.Name.EndsWith("W_key.bias", StringComparison.Ordinal)) Assert.Equal(0, difference, 1e-3); // invisible to softmax
            else Assert.Equal(difference, gradient[index], (0.02 * Math.Abs(difference)) + 1e-3);
        }

        double LossWith(GptWeights source, string name, int index, float change)
        {
            var arrays = WeightNames.For(Tiny).ToDictionary(entry => entry.Name, entry => source[entry.Name].ToArray());
            arrays[name][index] += change;
            using var changed = new ManagedEngine(new GptWeights(Tiny, arrays));
            return changed.Measure(batch).CrossEntropy;
        }
    }

    internal static float[] Weight(ManagedEngine engine, string name)
    {
        float[] elements = new float[WeightNames.For(engine.Weights.Config).Single(entry => entry.Name == name).ElementCount];
        engine.Weights.Read(name, 0, elements);
        return elements;
    }

    private static GptModule DoubleModule(GptWeights weights)
    {
        var module = GptModule.FromWeights(weights);
        module.to(torch.ScalarType.Float64);
        module.zero_grad();
        return module;
    }

    // Each element within a fraction of its own magnitude, or of the root mean square of its weight's gradient if it is
    // smaller than that.
    private static void AssertSame(GptModule module, ManagedEngine engine)
    {
        double largest = module.parameters().Max(parameter => parameter.grad!.abs().max().item<double>());
        foreach (var (name, parameter) in module.ParametersByName())
        {
            double[] expected = parameter.grad!.flatten().data<double>().ToArray();
            float[] actual = engine.Gradient(name);
            double scale = Math.Sqrt(expected.Average(value => value * value));
            if (scale < 1e-9 * largest) scale = largest; // the key's bias, to which softmax is invariant: its gradient is 0 up to rounding
            for (int i = 0; i < expected.Length; i++)
            {
                double difference = Math.Abs(expected[i] - actual[i]);
                Assert.True(
                    difference <= Tolerance * Math.Max(scale, Math.Abs(expected[i])),
                    $"{name}[{i}]: {actual[i]} instead of {expected[i]}, of {scale} in the mean");
            }
        }
    }
}
