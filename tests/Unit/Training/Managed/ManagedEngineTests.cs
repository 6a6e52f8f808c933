using MLNet.Gpt.Data;
using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.TorchSharp;
using MLNet.Gpt.Training.Engines;
using TorchSharp;

namespace MLNet.Gpt.Tests.Training.Managed;

[Collection(TorchCollection.Name)]
public class ManagedEngineTests
{
    private static readonly GptConfig Config = GptPresets.Tiny with { HasTiedHead = false };

    [Theory]
    [InlineData(0.1, false)]
    [InlineData(0.0, true)]
    [InlineData(0.3, true)]
    public void Ten_steps_of_AdamW_follow_PyTorchs(double weightDecay, bool tied)
    {
        var config = Config with { HasTiedHead = tied };
        var weights = TinyModels.Weights(config, seed: 1);
        using var engine = new ManagedEngine(weights, new() { WeightDecay = weightDecay, Beta2 = 0.98, Epsilon = 1e-6 });
        using var scope = torch.NewDisposeScope();
        var module = GptModule.FromWeights(weights);
        module.to(torch.ScalarType.Float64);
        using var optimizer = torch.optim.AdamW(
            module.parameters(), lr: 2e-3, beta1: 0.9, beta2: 0.98, eps: 1e-6, weight_decay: weightDecay);
        for (int step = 0; step < 10; step++)
        {
            var batch = Batches.Create(config, 3, 16, seed: step);
            double rate = 2e-3 * (step + 1) / 10;
            foreach (var group in optimizer.ParamGroups) group.LearningRate = rate;
            optimizer.zero_grad();
            var loss = Batches.Loss(module, batch);
            loss.backward();
            torch.nn.utils.clip_grad_norm_(module.parameters(), 0.5);
            optimizer.step();

            double actual = engine.Accumulate(batch, share: 1);
            engine.ClipGradients(0.5);
            engine.Update(rate);
            Assert.Equal(loss.item<double>(), actual, 2e-5);
        }

        foreach (var (name, parameter) in module.ParametersByName())
        {
            // its gradient is 0 up to rounding, which AdamW scales up like any other
            if (name.EndsWith("W_key.bias", StringComparison.Ordinal)) continue;
            double[] expected = parameter.detach().flatten().data<double>().ToArray();
            float[] actual = AutogradTests.Weight(engine, name);
            for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 2e-5);
        }
    }

    [Fact]
    public void Decaying_only_matrices_leaves_vectors_out()
    {
        var weights = TinyModels.Weights(Config, seed: 1);
        using var engine = new ManagedEngine(weights, new() { WeightDecay = 0.5, DecaysMatricesOnly = true });
        engine.Update(0.1); // gradients of 0: nothing but decay
        foreach (var entry in WeightNames.For(Config))
        {
            float keep = entry.Shape.Count > 1 ? 0.95f : 1;
            Assert.Equal(
                weights[entry.Name].ToArray().Select(value => value * keep),
                AutogradTests.Weight(engine, entry.Name),
                (expected, actual) => Math.Abs(expected - actual) < 1e-6);
        }
    }

    [Fact]
    public void One_batch_can_be_overfitted()
    {
        using var module = GptModule.Create(Config, seed: 1);
        using var engine = new ManagedEngine(module.ToWeights(), new() { WeightDecay = 0 });
        var batch = Batches.Create(Config, 2, 16, seed: 1);
        Assert.InRange(engine.Measure(batch).CrossEntropy, 3.9, 4.4); // ln 61 = 4.11
        for (int step = 0; step < 150; step++)
        {
            engine.Accumulate(batch, share: 1);
            engine.ClipGradients(1);
            engine.Update(3e-3);
        }

        Assert.InRange(engine.Measure(batch).CrossEntropy, 0, 0.05);
    }

    [Fact]
    public void The_number_of_threads_does_not_change_a_bit()
    {
        var config = GptPresets.Tiny with { DropoutRate = 0.2, ContextLength = 70, EmbeddingWidth = 52, VocabularySize = 701 };
        var weights = TinyModels.Weights(config, seed: 1);
        var expected = Train(1);
        foreach (int threads in (int[])[2, 3, 7]) Assert.Equal(expected, Train(threads));

        List<double> Train(int threads)
        {
            using var engine = new ManagedEngine(weights, new() { ThreadCount = threads });
            var numbers = new List<double>();
            for (int step = 0; step < 4; step++)
            {
                numbers.Add(engine.Accumulate(Batches.Create(config, 5, 70, seed: step), share: 1));
                numbers.Add(engine.ClipGradients(1));
                engine.Update(1e-2);
            }

            numbers.Add(engine.Measure(Batches.Create(config, 5, 70, seed: 9)).Sum);
            numbers.AddRange(
                WeightNames.For(config).SelectMany(entry => AutogradTests.Weight(engine, entry.Name)).Select(value => (double)value));
            return numbers;
        }
    }

    [Fact]
    public void The_thread_count_of_the_options_does_not_change_a_bit()
    {
        var config = GptPresets.Tiny with { DropoutRate = 0.1 };
        var weights = TinyModels.Weights(config, seed: 1);
        var data = new TrainingData(
            new TokenWindows((int[])[.. Enumerable.Range(0, 200).Select(i => i * 7 % 61)], config.ContextLength), null);
        var expected = Train(1);
        foreach (int threads in (int[])[2, 5, 1_000_000]) Assert.Equal(expected, Train(threads));

        List<float> Train(int threads)
        {
            var options = new TrainingOptions { MaxSteps = 4, BatchSize = 3, ThreadCount = threads };
            var trained = weights.Train(data, options, cancellationToken: TestContext.Current.CancellationToken).Weights;
            return [.. WeightNames.For(config).SelectMany(entry => trained[entry.Name].ToArray())];
        }
    }

    [Fact]
    public void A_restored_engine_takes_the_same_steps_bit_for_bit()
    {
        var config = Config with { DropoutRate = 0.3 };
        using var engine = new ManagedEngine(TinyModels.Weights(config, seed: 1), new() { Seed = 7 });
        Steps(engine, 0, 3);
        var state = engine.CaptureState();
        var weights = Copy(engine.Weights);
        engine.Accumulate(Batches.Create(config, 1, 3, seed: 77), share: 1); // accumulated after the capture: must leave no trace
        engine.Restore(weights, state);
        var expected = Steps(engine, 3, 6);
        engine.Restore(weights, state);
        Assert.Equal(expected, Steps(engine, 3, 6));

        using var other = new ManagedEngine(TinyModels.Weights(config, seed: 2), new() { Seed = 8 });
        Steps(other, 0, 5);
        other.Restore(weights, state);
        Assert.Equal(expected, Steps(other, 3, 6));

        static List<float> Steps(ManagedEngine engine, int first, int end)
        {
            for (int step = first; step < end; step++)
            {
                engine.Accumulate(Batches.Create(engine.Weights.Config, 2, 16, seed: step), share: 1);
                engine.ClipGradients(1);
                engine.Update(1e-2);
            }

            return [.. WeightNames.For(engine.Weights.Config).SelectMany(entry => AutogradTests.Weight(engine, entry.Name))];
        }
    }

    [Fact]
    public void An_incomplete_state_is_refused_and_changes_nothing()
    {
        var weights = TinyModels.Weights(Config, seed: 1);
        using var engine = new ManagedEngine(weights);
        var state = engine.CaptureState().ToDictionary();
        state.Remove("adamw.square." + WeightNames.Query(1));
        var error = Assert.Throws<InvalidDataException>(() => engine.Restore(TinyModels.Weights(Config, seed: 2), state));
        Assert.Contains("adamw.square.trf_blocks.1.att.W_query.weight", error.Message, StringComparison.Ordinal);
        Assert.Equal(weights[WeightNames.Query(1)], AutogradTests.Weight(engine, WeightNames.Query(1)));

        state = engine.CaptureState().ToDictionary();
        state["adamw.step"] = [1, 2];
        Assert.Contains(
            "2 bytes", Assert.Throws<InvalidDataException>(() => engine.Restore(weights, state)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(
            () => engine.Restore(TinyModels.Weights(Config with { LayerCount = 1 }, seed: 2), engine.CaptureState()));
    }

    [Fact]
    public void Discarded_gradients_leave_no_trace()
    {
        var weights = TinyModels.Weights(Config, seed: 1);
        using ManagedEngine engine = new(weights), other = new(weights);
        engine.Accumulate(Batches.Create(Config, 2, 16, seed: 1), share: 1);
        engine.ClipGradients(1e-3);
        engine.DiscardGradients();
        foreach (var each in (ManagedEngine[])[engine, other])
        {
            each.Accumulate(Batches.Create(Config, 2, 16, seed: 2), share: 1);
            each.Update(1e-2);
        }

        foreach (var entry in WeightNames.For(Config))
        {
            Assert.Equal(AutogradTests.Weight(other, entry.Name), AutogradTests.Weight(engine, entry.Name));
        }
    }

    [Fact]
    public void Measuring_has_no_dropout_and_does_not_change_the_next_step()
    {
        var config = Config with { DropoutRate = 0.5 };
        var weights = TinyModels.Weights(config, seed: 1);
        using ManagedEngine engine = new(weights), other = new(weights);
        var batch = Batches.Create(config, 2, 16, seed: 1);
        using (var module = GptModule.FromWeights(weights))
        {
            module.eval();
            using var loss = Batches.Loss(module, batch);
            var summary = engine.Measure(batch);
            Assert.Equal(loss.item<float>(), summary.CrossEntropy, 1e-5);
            Assert.Equal(32, summary.TokenCount);
        }

        Assert.Equal(other.Accumulate(batch, share: 1), engine.Accumulate(batch, share: 1));
        engine.Measure(Batches.Create(config, 3, 16, seed: 2)); // more rows than before: the memory is reallocated
        Assert.Equal(other.ClipGradients(null), engine.ClipGradients(null));
    }

    [Fact]
    public void Dropout_differs_from_batch_to_batch_and_from_seed_to_seed_and_is_right_in_the_mean()
    {
        var config = Config with { DropoutRate = 0.1 };
        var weights = TinyModels.Weights(config, seed: 1);
        var batch = Batches.Create(config, 2, 16, seed: 1);
        var losses = new List<double>();
        for (int seed = 0; seed < 40; seed++)
        {
            using var engine = new ManagedEngine(weights, new() { Seed = seed });
            losses.Add(engine.Accumulate(batch, share: 1));
            losses.Add(engine.Accumulate(batch, share: 1));
        }

        Assert.Equal(80, losses.Distinct().Count());
        using var module = GptModule.FromWeights(weights);
        module.train();
        var theirs = Enumerable.Range(0, 400).Select(_ =>
        {
            using var loss = Batches.Loss(module, batch);
            return (double)loss.item<float>();
        }).ToList();
        double mean = theirs.Average(), deviation = Math.Sqrt(theirs.Average(loss => Math.Pow(loss - mean, 2)));
        double ours = losses.Average(), ourDeviation = Math.Sqrt(losses.Average(loss => Math.Pow(loss - ours, 2)));
        Assert.InRange(ours, mean - (4 * deviation / Math.Sqrt(80)), mean + (4 * deviation / Math.Sqrt(80)));
        Assert.InRange(ourDeviation / deviation, 0.65, 1.5);
    }

    [Fact]
    public void With_dropout_the_gradient_is_that_of_the_loss_under_the_same_mask()
    {
        var config = Config with { DropoutRate = 0.2 };
        var weights = TinyModels.Weights(config, seed: 1);
        var batch = Batches.Create(config, 2, 16, seed: 1);
        using var engine = new ManagedEngine(weights);
        engine.Accumulate(batch, share: 1);
        string[] names = [
            WeightNames.TokenEmbedding, WeightNames.PositionEmbedding, WeightNames.Query(0), WeightNames.Value(0),
            WeightNames.FeedForwardIn(0), WeightNames.AttentionOutput(1), WeightNames.Head
        ];
        foreach (string name in names)
        {
            float[] gradient = engine.Gradient(name);
            int index = Enumerable.Range(0, gradient.Length).MaxBy(i => Math.Abs(gradient[i]));
            const float Step = 4e-3f;
            double difference = (LossWith(name, index, Step) - LossWith(name, index, -Step)) / (2 * Step);
            Assert.Equal(difference, gradient[index], (0.02 * Math.Abs(difference)) + 1e-3);
        }

        double LossWith(string name, int index, float change)
        {
            var arrays = WeightNames.For(config).ToDictionary(entry => entry.Name, entry => weights[entry.Name].ToArray());
            arrays[name][index] += change;
            using var changed = new ManagedEngine(new GptWeights(config, arrays));
            return changed.Accumulate(batch, share: 1); // the first batch of the same seed: the same masks
        }
    }

    [Fact]
    public void Steps_allocate_no_new_memory()
    {
        var config = GptPresets.Tiny with { VocabularySize = 3000, ContextLength = 64, EmbeddingWidth = 96, DropoutRate = 0.1 };
        using var engine = new ManagedEngine(TinyModels.Weights(config, seed: 1), new() { ThreadCount = 1 });
        Step(64);
        long native = engine.ActivationBytes, managed = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 5; i++) Step(64 - i);
        Assert.Equal(native, engine.ActivationBytes);

        // Only closures and the test's batches: a tenth of a single layer's hidden activations per step.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - managed, 0, 5 * (4 * 64 * config.FeedForwardWidth * sizeof(float)) / 10);

        void Step(int tokens)
        {
            engine.Accumulate(Batches.Create(config, 4, tokens, seed: 1), share: 1);
            engine.ClipGradients(1);
            engine.Update(1e-3);
        }
    }

    [Fact]
    public void Activations_take_as_much_memory_as_documented()
    {
        var config = GptPresets.Gpt2Small;
        const int Rows = 1024;
        using var few = new Activations(config with { LayerCount = 1 }, Rows, KernelSet.Best);
        using var more = new Activations(config with { LayerCount = 3 }, Rows, KernelSet.Best);
        // plus the sums of softmax, and the mean and inverse standard deviation of two norms
        long perToken = (10 * config.EmbeddingWidth) + config.HeadCount + 4;
        Assert.InRange((more.Length - few.Length) / 2, sizeof(float) * Rows * perToken, sizeof(float) * (Rows + 16) * perToken);
        Assert.True(few.Length < sizeof(float) * (512L + 128) * config.VocabularySize * 2, $"{few.Length} bytes");
    }

    [Fact]
    public void Bad_batches_are_refused_with_the_value_and_the_limit()
    {
        using var engine = new ManagedEngine(TinyModels.Weights(Config, seed: 1));
        var tooLong = Assert.Throws<ArgumentException>(() => engine.Accumulate(Batches.Create(Config, 1, 17, seed: 1), share: 1));
        Assert.Contains("17 tokens", tooLong.Message, StringComparison.Ordinal);
        Assert.Contains("at most 16", tooLong.Message, StringComparison.Ordinal);

        var unknown = new TokenBatch(new TokenWindows((int[])[1, 2, 61, 3], 3), [0]);
        Assert.Contains(
            "61", Assert.Throws<ArgumentOutOfRangeException>(() => engine.Accumulate(unknown, share: 1)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => engine.Measure(unknown));

        engine.Dispose();
        Assert.Throws<ObjectDisposedException>(() => engine.Accumulate(Batches.Create(Config, 1, 16, seed: 1), share: 1));
        Assert.Throws<ObjectDisposedException>(() => engine.Update(1));
        Assert.Throws<ObjectDisposedException>(() => engine.Weights.Read(WeightNames.Head, 0, new float[1]));
    }

    private static GptWeights Copy(IWeightSource source) => new(
        source.Config, WeightNames.For(source.Config).ToDictionary(entry => entry.Name, entry =>
    {
        float[] elements = new float[entry.ElementCount];
        source.Read(entry.Name, 0, elements);
        return elements;
    }));
}
