using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Tests.Decoders;
using MLNet.Gpt.Tests.Inference;
using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.Tests.Training.Managed;
using MLNet.Gpt.Training.Engines;
using TorchSharp;

namespace MLNet.Gpt.Tests.Training.Lora;

/// <summary>Gradients of adapters with a frozen base, against TorchSharp's autograd in double precision.</summary>
[Collection(TorchCollection.Name)]
public class LoraGradientTests
{
    [Theory]
    [InlineData("nanogpt", 8, WeightPrecision.Float32)]
    [InlineData("nanogpt", 5, WeightPrecision.BFloat16)]
    [InlineData("llama", 8, WeightPrecision.Float32)]
    [InlineData("llama-biases", 3, WeightPrecision.BFloat16)]
    [InlineData("qwen3-own-head", 16, WeightPrecision.Float32)]
    [InlineData("gemma2", 1, WeightPrecision.Float32)]
    [InlineData("gemma3", 20, WeightPrecision.BFloat16)]
    public void Gradients_of_every_adapter_are_those_of_autograd(string name, int rank, WeightPrecision precision)
    {
        var description = DecoderFamilies.Named(name);
        var tensors = description.RandomWeights(seed: 1);
        using var model = GptModel.FromWeights(
            LibraryDecoder.Weights(description, tensors), new CountingTokenizer(description.VocabularySize),
            new() { Precision = precision });
        var options = new LoraOptions { Rank = rank, Alpha = 12, Targets = ["*"] };
        if (description.HasTiedHead) options = options with { Targets = ["trf_blocks.*"] };
        foreach (var (each, expected, actual) in Gradients(description, tensors, model, options))
        {
            if (each == "loss") Assert.Equal(expected[0], actual[0], 1e-5);
            else AssertSame(expected, actual, each);
        }
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.4)]
    public void Steps_have_the_same_bits_for_any_number_of_threads_and_any_register_width(double dropout)
    {
        var config = GptPresets.Tiny with { EmbeddingWidth = 39, HeadCount = 3, HasTiedHead = false };
        var options = new LoraOptions { Rank = 5, Dropout = dropout, Targets = ["*"] };
        var weights = TinyModels.Weights(config, seed: 1);
        var results = new List<float[]>();
        (int Threads, KernelSet Kernels)[] runs = [(1, KernelSet.Best), (3, KernelSet.Best), (2, KernelSet.All[0]), (2, KernelSet.All[^1])];
        foreach (var (threads, kernels) in runs)
        {
            using var engine = new ManagedEngine(weights, new() { ThreadCount = threads, Lora = options, IsFrozen = _ => true }, kernels);
            for (int step = 0; step < 3; step++)
            {
                engine.Accumulate(Batches.Create(config, 3, 14, seed: step), share: 1);
                engine.ClipGradients(1);
                engine.Update(1e-2);
                engine.Measure(Batches.Create(config, 1, 5, seed: 9));
            }

            results.Add([.. engine.CopyAdapter()!.Matrices.SelectMany(matrix => matrix.A.ToArray().Concat(matrix.B.ToArray()))]);
        }

        Assert.Contains(results[0], x => x != 0);
        Assert.All(results, result => Assert.Equal(results[0], result));
    }

    [Fact]
    public void Dropout_of_an_adapters_input_is_the_same_in_the_forward_and_the_backward_pass()
    {
        var config = GptPresets.Tiny with { HasTiedHead = false };
        var options = new LoraOptions { Rank = 4, Dropout = 0.5, Targets = ["*"] };
        var adapter = LoraAdapters.Random(config, options, seed: 3);
        var batch = Batches.Create(config, 2, 16, seed: 4);
        using var engine = new ManagedEngine(
            TinyModels.Weights(config, seed: 3), new() { Lora = options, IsFrozen = _ => true, ThreadCount = 2 });
        engine.LoadAdapter(adapter);
        byte[] random = engine.CaptureRandom();
        engine.Accumulate(batch, share: 1);
        foreach (string target in new[] { WeightNames.Value(0), WeightNames.FeedForwardOut(1), WeightNames.Head })
        {
            float[] gradient = engine.Gradient(LoraTargets.NameOfA(target));
            int index = Enumerable.Range(0, gradient.Length).MaxBy(i => Math.Abs(gradient[i]));
            const float Step = 1e-2f;
            double difference = (LossWith(target, index, Step) - LossWith(target, index, -Step)) / (2 * Step);
            Assert.Equal(difference, gradient[index], (0.02 * Math.Abs(difference)) + 1e-3);
        }

        double LossWith(string target, int index, float change)
        {
            using var changed = new ManagedEngine(
                TinyModels.Weights(config, seed: 3), new() { Lora = options, IsFrozen = _ => true, ThreadCount = 2 });
            changed.LoadAdapter(new(config, [.. adapter.Matrices.Select(matrix => matrix.Target == target ? Changed(matrix) : matrix)]));
            changed.RestoreRandom(random);
            return changed.Accumulate(batch, share: 1);

            LoraMatrix Changed(LoraMatrix matrix)
            {
                float[] a = matrix.A.ToArray();
                a[index] += change;
                return new(matrix.Target, matrix.Rank, matrix.Scale, a, matrix.B.ToArray());
            }
        }
    }

    [Fact]
    public void Weights_beside_the_adapters_are_trained_in_full_and_the_rest_is_frozen()
    {
        var config = GptPresets.Tiny with { HasTiedHead = false };
        var options = new LoraOptions
        {
            Rank = 2, Targets = [WeightNames.Value(0), WeightNames.Key(1)],
            TrainedWeights = ["final_norm.*", "*.ff.layers.0.bias", WeightNames.Head, WeightNames.Query(1)],
        };
        var weights = TinyModels.Weights(config, seed: 1);
        var batch = Batches.Create(config, 2, 16, seed: 4);
        bool IsFrozen(string name) => !LoraTargets.Matches(options.TrainedWeights, name);
        using var full = new ManagedEngine(weights, new() { ThreadCount = 2, IsFrozen = IsFrozen });
        using var engine = new ManagedEngine(weights, new() { ThreadCount = 2, Lora = options, IsFrozen = IsFrozen });
        Assert.Equal(full.Accumulate(batch, share: 1), engine.Accumulate(batch, share: 1), 1e-6);
        foreach (var entry in WeightNames.For(config).Where(entry => !IsFrozen(entry.Name)))
        {
            float[] expected = full.Gradient(entry.Name), actual = engine.Gradient(entry.Name);
            Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
        }

        engine.Update(1e-2);
        foreach (var entry in WeightNames.For(config))
        {
            float[] now = AutogradTests.Weight(engine, entry.Name);
            bool isTrained = !IsFrozen(entry.Name) || options.Targets.Contains(entry.Name);
            Assert.Equal(isTrained, !weights[entry.Name].SequenceEqual(now));
        }
    }

    /// <summary>
    /// Returns the loss of a batch, under the name <c>loss</c>, and the gradients of A and B of a random adapter: those of autograd
    /// with the weights as the model rounds them, and the engine's.
    /// </summary>
    internal static IEnumerable<(string Name, double[] Expected, float[] Actual)> Gradients(
        DecoderDescription description, Dictionary<string, NamedTensor> tensors, GptModel model, LoraOptions options,
        Func<string, torch.Tensor, torch.Tensor>? rounding = null)
    {
        var adapter = LoraAdapters.Random(model.Config, options, seed: 3);
        var batch = Batches.Create(model.Config, batchSize: 3, tokens: 41, seed: 2);
        using var engine = new ManagedEngine(model, new() { ThreadCount = 2, Lora = options, IsFrozen = _ => true });
        engine.LoadAdapter(adapter);
        using var decoder = new TorchDecoder(description, Rounded(description, tensors, model)) { Rounding = rounding };
        foreach (var matrix in adapter.Matrices)
        {
            var (layer, firstOutput) = Place(description, matrix.Target);
            decoder.Adapt(
                layer, firstOutput, matrix.Scale, new([options.Rank, matrix.Columns], matrix.A.ToArray()),
                new([matrix.Rows, options.Rank], matrix.B.ToArray()));
        }

        double loss = engine.Accumulate(batch, share: 1);
        var (expectedLoss, gradients) = decoder.BackwardAdapters([.. batch.Inputs], [.. batch.Targets], sequenceCount: 3);
        yield return ("loss", [expectedLoss], [(float)loss]);
        foreach (var (matrix, (a, b)) in adapter.Matrices.Zip(gradients))
        {
            yield return ($"A of {matrix.Target}", a, engine.Gradient(LoraTargets.NameOfA(matrix.Target)));
            float[] transposed = engine.Gradient(LoraTargets.NameOfB(matrix.Target)), actual = new float[transposed.Length];
            LowRank.Transpose(transposed, options.Rank, actual);
            yield return ($"B of {matrix.Target}", b, actual);
        }
    }

    // The oracle's layer of a weight, and the weight's first output in it.
    private static (string Layer, int FirstOutput) Place(DecoderDescription description, string target)
    {
        foreach (var (name, shape) in description.Tensors())
        {
            string[] names = LibraryDecoder.Names(description, name);
            int part = Array.IndexOf(names, target);
            if (part >= 0) return (name[..^".weight".Length], part * shape[0] / names.Length);
        }

        throw new ArgumentException(target);
    }

    private static Dictionary<string, NamedTensor> Rounded(
        DecoderDescription description, Dictionary<string, NamedTensor> tensors, GptModel model) => tensors.ToDictionary(
            each => each.Key,
            each =>
            {
                if (each.Value.Shape.Length == 1) return each.Value;
                var elements = new List<float>();
                string[] names = LibraryDecoder.Names(description, each.Key);
                foreach (string name in names)
                {
                    float[] part = new float[each.Value.Elements.Length / names.Length];
                    model.Read(name, 0, part);
                    elements.AddRange(part);
                }

                return new NamedTensor(each.Value.Shape, [.. elements]);
            });

    private static void AssertSame(double[] expected, float[] actual, string name)
    {
        Assert.Equal(expected.Length, actual.Length);
        double scale = Math.Sqrt(expected.Average(value => value * value));
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(
                Math.Abs(expected[i] - actual[i]) <= 1e-4 * Math.Max(scale, Math.Abs(expected[i])),
                $"{name}[{i}]: {actual[i]} instead of {expected[i]}, of {scale} in the mean");
        }
    }
}
