using MLNet.Gpt.Data;
using MLNet.Gpt.Tests.Training;
using MLNet.Gpt.TorchSharp;
using TorchSharp;

namespace MLNet.Gpt.Tests.TorchSharp;

[Collection(TorchCollection.Name)]
public class ModuleNetworkTests
{
    private static readonly GptConfig Config = GptPresets.Tiny with { DropoutRate = 0.1 };
    private static readonly GptConfig WithoutDropout = Config with { DropoutRate = 0 };

    [Theory]
    [InlineData(Engines.TorchSharp)]
    [InlineData(Engines.PyTorchExact)]
    public void Weighted_gradients_of_batches_are_those_of_one_large_batch(string engineName)
    {
        using GptModule parts = GptModule.Create(WithoutDropout, seed: 1), whole = GptModule.Create(WithoutDropout, seed: 1);
        using (var engine = new ModuleNetwork(parts, new() { Engine = Engines.Named(engineName) }))
        using (var large = new ModuleNetwork(whole, new() { Engine = Engines.Named(engineName) }))
        {
            double loss = (0.25 * engine.Accumulate(Batch(0), 0.25)) + (0.75 * engine.Accumulate(Batch(1, 2, 3), 0.75));
            Assert.Equal(large.Accumulate(Batch(0, 1, 2, 3), 1), loss, 1e-5);
            foreach (var (name, parameter) in parts.ParametersByName())
            {
                Assert.True(torch.allclose(whole.ParametersByName()[name].grad!, parameter.grad!, rtol: 1e-4, atol: 1e-7), name);
            }

            Assert.Equal(large.ClipGradients(null), engine.ClipGradients(null), 1e-5);
        }
    }

    [Fact]
    public void Clipping_scales_all_gradients_together_like_libtorch()
    {
        using GptModule module = GptModule.Create(WithoutDropout, seed: 1), other = GptModule.Create(WithoutDropout, seed: 1);
        using ModuleNetwork engine = new(module, new()), plain = new(other, new());
        engine.Accumulate(Batch(0), 1);
        plain.Accumulate(Batch(0), 1);
        Assert.Equal(torch.nn.utils.clip_grad_norm_(other.parameters(), 0.3), engine.ClipGradients(0.3), 1e-5);
        Assert.Equal(0.3, engine.ClipGradients(null), 1e-5);
        foreach (var (name, parameter) in module.ParametersByName())
        {
            Assert.True(torch.allclose(other.ParametersByName()[name].grad!, parameter.grad!, rtol: 1e-4, atol: 1e-8), name);
        }

        engine.DiscardGradients();
        Assert.Equal(0, engine.ClipGradients(null));
    }

    [Theory]
    [InlineData(1e-7)] // with a norm of about 1e-6, the 1e-6 that PyTorch adds to the norm is half of the sum
    [InlineData(1e-3)]
    public void Clipping_is_libtorchs_for_tiny_gradients_too(double limit)
    {
        using GptModule module = GptModule.Create(WithoutDropout, seed: 1), other = GptModule.Create(WithoutDropout, seed: 1);
        using ModuleNetwork engine = new(module, new()), plain = new(other, new());
        engine.Accumulate(Batch(0), 1e-6);
        plain.Accumulate(Batch(0), 1e-6);
        torch.nn.utils.clip_grad_norm_(other.parameters(), limit);
        engine.ClipGradients(limit);
        foreach (var (name, parameter) in module.ParametersByName())
        {
            Assert.True(torch.allclose(other.ParametersByName()[name].grad!, parameter.grad!, rtol: 1e-4, atol: 1e-14), name);
        }
    }

    [Fact]
    public void Weights_that_require_no_gradients_do_not_require_them_afterwards()
    {
        using var module = GptModule.Create(Config, seed: 1);
        var frozen = module.ParametersByName()[WeightNames.TokenEmbedding];
        frozen.requires_grad = false;
        using (var engine = new ModuleNetwork(module, new()))
        {
            engine.Accumulate(Batch(0), 1);
            engine.Update(1e-2);
        }

        Assert.False(frozen.requires_grad);
        Assert.Single(module.parameters(), parameter => !parameter.requires_grad);
    }

    [Fact]
    public void An_engine_that_is_refused_leaves_nothing_behind()
    {
        var module = GptModule.Create(Config, seed: 1);
        var frozen = module.ParametersByName()[WeightNames.TokenEmbedding];
        frozen.requires_grad = false;
        module.eval();
        int heaps = RetainedHeap.Count;
        long tensors = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        Assert.Throws<ArgumentException>(() => new ModuleNetwork(module, new() { FrozenWeights = ["nothing"] }));
        Assert.Throws<ArgumentException>(() => new ModuleNetwork(module, new() { FrozenWeights = ["*"] }));

        Assert.Equal(heaps, RetainedHeap.Count);
        Assert.Equal(tensors, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.False(module.training);
        Assert.False(frozen.requires_grad);

        Assert.Throws<ArgumentException>(() => new ModuleNetwork(module, new() { FrozenWeights = ["*"] }, ownsModule: true));
        Assert.True(frozen.IsInvalid); // disposed with the network
        Assert.Equal(heaps, RetainedHeap.Count);
    }

    [Fact]
    public void Steps_are_those_of_libtorchs_AdamW_to_the_last_bit()
    {
        using GptModule module = GptModule.Create(WithoutDropout, seed: 1), other = GptModule.Create(WithoutDropout, seed: 1);
        using var engine = new ModuleNetwork(module, new() { WeightDecay = 0.2, Beta1 = 0.8, Beta2 = 0.95, Epsilon = 1e-6 });
        using var plain = torch.optim.AdamW(other.parameters(), lr: 1, beta1: 0.8, beta2: 0.95, eps: 1e-6, weight_decay: 0.2);
        for (int step = 0; step < 4; step++)
        {
            using var scope = torch.NewDisposeScope();
            double rate = 1e-2 / (step + 1);
            engine.Accumulate(Batch(step), 1);
            engine.Update(rate);

            plain.zero_grad();
            torch.nn.functional.cross_entropy(
                other.call(BatchTensors.Inputs(Batch(step))).flatten(0, 1), BatchTensors.Targets(Batch(step))).backward();
            foreach (var group in plain.ParamGroups) group.LearningRate = rate;
            plain.step();
        }

        AssertEqual(other.ToWeights(), engine.Weights);
    }

    [Fact]
    public void Only_matrices_decay_on_request()
    {
        // A learning rate at which only the decay differs: AdamW's own step has the same size in both networks.
        using GptModule module = GptModule.Create(WithoutDropout, seed: 1), other = GptModule.Create(WithoutDropout, seed: 1);
        using ModuleNetwork some = new(
            module, new() { DecayMatricesOnly = true, WeightDecay = 0.5 }), all = new(other, new() { WeightDecay = 0.5 });
        foreach (var engine in (ModuleNetwork[])[some, all])
        {
            engine.Accumulate(Batch(0), 1);
            engine.Update(0.1);
        }

        float[] scaleOfSome = Read(some.Weights, WeightNames.FinalNormScale), scaleOfAll = Read(all.Weights, WeightNames.FinalNormScale);
        foreach (var (one, two) in scaleOfSome.Zip(scaleOfAll)) Assert.Equal(0.1 * 0.5, one - two, 1e-5); // of a scale of 1
        Assert.Equal(Read(all.Weights, WeightNames.Key(0)), Read(some.Weights, WeightNames.Key(0)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.1)]
    [InlineData(0.5)]
    public void The_training_loss_is_libtorchs_with_label_smoothing_and_the_measured_one_without(double smoothing)
    {
        using var scope = torch.NewDisposeScope();
        using var module = GptModule.Create(WithoutDropout, seed: 1);
        using var engine = new ModuleNetwork(module, new() { LabelSmoothing = smoothing });
        var logarithms = torch.nn.functional.log_softmax(module.call(BatchTensors.Inputs(Batch(0))).flatten(0, 1), dim: -1);
        var ofTargets = logarithms.gather(1, BatchTensors.Targets(Batch(0)).unsqueeze(1)).mean();

        // (1 − s) · −ln p(target) + s · the mean of −ln p over the vocabulary
        double expected = -((1 - smoothing) * ofTargets.item<float>()) - (smoothing * logarithms.mean().item<float>());
        Assert.Equal(expected, engine.Accumulate(Batch(0), 1), 1e-5);
        Assert.Equal(-ofTargets.item<float>(), engine.Measure(Batch(0)).CrossEntropy, 1e-5);
    }

    [Fact]
    public void Frozen_weights_do_not_change_and_the_others_do()
    {
        using var module = GptModule.Create(Config, seed: 1);
        var before = module.ToWeights();
        using (var engine = new ModuleNetwork(module, new() { FrozenWeights = ["tok_emb.*", "trf_blocks.0.*"] }))
        {
            engine.Accumulate(Batch(0), 1);
            engine.Update(1e-2);
        }

        foreach (var entry in WeightNames.For(Config))
        {
            bool isFrozen = entry.Name.StartsWith("tok_emb", StringComparison.Ordinal)
                || entry.Name.StartsWith("trf_blocks.0.", StringComparison.Ordinal);
            Assert.Equal(isFrozen, before[entry.Name].SequenceEqual(module.ToWeights()[entry.Name]));
        }

        Assert.All(module.parameters(), parameter => Assert.True(parameter.requires_grad));
    }

    [Fact]
    public void A_pattern_that_fits_no_weight_and_one_that_fits_all_are_refused()
    {
        using var module = GptModule.Create(Config, seed: 1);
        Assert.Contains(
            "'trf_block.*'",
            Assert.Throws<ArgumentException>(() => new ModuleNetwork(module, new() { FrozenWeights = ["trf_block.*"] })).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new ModuleNetwork(module, new() { FrozenWeights = ["*"] }));
    }

    [Theory]
    [InlineData(Engines.TorchSharp)]
    [InlineData(Engines.PyTorchExact)]
    public void A_captured_state_continues_bit_for_bit_in_another_engine(string engineName)
    {
        var options = new TrainingOptions { Engine = Engines.Named(engineName) };
        using GptModule module = GptModule.Create(Config, seed: 1), other = GptModule.Create(Config, seed: 9);
        GptWeights expected;
        IReadOnlyDictionary<string, byte[]> state;
        GptWeights weights;
        using (var engine = new ModuleNetwork(module, options))
        {
            Learn(engine, 0, 1);
            (weights, state) = (GptWeights.CopyOf(engine.Weights), engine.CaptureState());
            Learn(engine, 2, 3);
            expected = GptWeights.CopyOf(engine.Weights);
        }

        using (var engine = new ModuleNetwork(other, options))
        {
            Learn(engine, 3);
            engine.Restore(weights, state);
            Learn(engine, 2, 3);
            AssertEqual(expected, engine.Weights);
        }
    }

    [Fact]
    public void The_books_operations_one_by_one_and_the_fused_kernels_agree_up_to_rounding()
    {
        using var scope = torch.NewDisposeScope();
        using var module = GptModule.Create(WithoutDropout, seed: 1);
        var fused = Logits();
        module.ComputesStepByStep = true;
        var stepByStep = Logits();
        Assert.True(torch.allclose(fused, stepByStep, rtol: 1e-4, atol: 1e-5));

        torch.Tensor Logits() => module.call(BatchTensors.Inputs(Batch(0, 1)));
    }

    internal static void AssertEqual(IWeightSource expected, IWeightSource actual)
    {
        foreach (var entry in WeightNames.For(expected.Config)) Assert.Equal(Read(expected, entry.Name), Read(actual, entry.Name));
    }

    private static float[] Read(IWeightSource weights, string name)
    {
        float[] elements = new float[WeightNames.For(weights.Config).First(entry => entry.Name == name).ElementCount];
        weights.Read(name, 0, elements);
        return elements;
    }

    private static void Learn(ModuleNetwork engine, params int[] batches)
    {
        foreach (int batch in batches)
        {
            engine.Accumulate(Batch(batch, batch + 1), 1);
            engine.Update(1e-2);
        }
    }

    [Fact]
    public void The_thread_count_applies_to_a_thread_that_has_used_libtorch_before()
    {
        using GptModule module = GptModule.Create(Config, seed: 1);
        using var isInitialized = new ManualResetEventSlim();
        using var isChanged = new ManualResetEventSlim();
        int threads = 0;
        var thread = new Thread(() =>
        {
            torch.get_num_threads();
            isInitialized.Set();
            isChanged.Wait();
            using var network = new ModuleNetwork(module, new());
            threads = torch.get_num_threads();
        });
        int before = LibTorch.ThreadCount;
        try
        {
            thread.Start();
            isInitialized.Wait(TestContext.Current.CancellationToken);
            LibTorch.ThreadCount = before + 1;
            isChanged.Set();
            thread.Join();
        }
        finally
        {
            LibTorch.ThreadCount = before;
        }

        Assert.Equal(before + 1, threads);
    }

    private static TokenBatch Batch(params int[] windows) => new(new TokenWindows(TrainerTests.Tokens(180), Config.ContextLength), windows);
}
