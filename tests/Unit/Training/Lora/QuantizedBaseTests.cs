using System.Globalization;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Tests.Decoders;
using MLNet.Gpt.Tests.Formats.Gguf;
using MLNet.Gpt.Tests.Inference;
using MLNet.Gpt.Tests.TorchSharp;
using TorchSharp;

namespace MLNet.Gpt.Tests.Training.Lora;

/// <summary>Adapters over the blocks of a GGUF file that llama.cpp's quantizer wrote (QLoRA).</summary>
[Collection(TorchCollection.Name)]
public sealed class QuantizedBaseTests : IDisposable
{
    private const int Q8_0 = 7, Q4_K_M = 15; // of enum llama_ftype

    private static readonly DecoderDescription Description = DecoderFamilies.Named("llama") with
    {
        LayerCount = 2, VocabularySize = 256, FeedForwardWidth = 256, // rows of whole blocks
    };

    private readonly TemporaryDirectory _directory = new();
    private readonly Dictionary<string, NamedTensor> _tensors = Description.RandomWeights(seed: 1);

    public static TheoryData<int, WeightPrecision> Files => new()
    {
        { Q8_0, WeightPrecision.Int8 }, { Q4_K_M, WeightPrecision.Int8 }, { Q4_K_M, WeightPrecision.Int4 },
    };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(Files))]
    public void With_B_zero_the_logits_are_those_of_the_base_bit_for_bit(int fileType, WeightPrecision precision)
    {
        using var model = Load(fileType, precision);
        using (var file = GptModelFile.Open(Path.Combine(_directory.Path, $"{fileType}.gguf")))
        {
            float[] expectedWeight = new float[256 * 256], weight = new float[256 * 256];
            foreach (string name in (string[])[WeightNames.Query(0), WeightNames.Value(0), WeightNames.FeedForwardOut(1)])
            {
                int count = (int)WeightNames.For(file.Config).Single(entry => entry.Name == name).ElementCount;
                file.Read(name, 0, expectedWeight.AsSpan(0, count));
                model.Read(name, 0, weight.AsSpan(0, count));
                Assert.Equal(expectedWeight, weight);
            }
        }

        int[] ids = Description.RandomIds(50, seed: 2);
        float[] expected = model.ComputeLogits(ids, Cancellation);
        var adapter = LoraAdapters.Random(model.Config, new() { Targets = ["*"] }, seed: 3);
        using var zero = model.WithAdapter(LoraAdapters.Zero(adapter));
        Assert.Equal(expected, zero.ComputeLogits(ids, Cancellation));
        using var adapted = model.WithAdapter(adapter);
        Assert.NotEqual(expected, adapted.ComputeLogits(ids, Cancellation));
    }

    /// <summary>
    /// The forward pass rounds what enters a layer to bytes, with which the oracle has to do the same: in a few layers it changes these
    /// gradients by about 5 %. A number that is so close to the middle between two bytes that single precision decides otherwise than
    /// double precision is off by a whole step, hence 1e-2. With the same weights in single precision, nothing is rounded.
    /// </summary>
    [Theory]
    [MemberData(nameof(Files))]
    public void Gradients_of_every_adapter_are_those_of_autograd_on_the_weights_of_the_blocks(int fileType, WeightPrecision precision)
    {
        using var model = Load(fileType, precision);
        AssertWithin(1e-2, model, (layer, x) => ToBytes(x, MatrixOf(model, layer).RowBlocksPerScale));
        using var unrounded = Load(fileType, WeightPrecision.Float32);
        AssertWithin(1e-4, unrounded, null);

        void AssertWithin(double tolerance, GptModel model, Func<string, torch.Tensor, torch.Tensor>? rounding)
        {
            var options = new LoraOptions { Rank = 5, Alpha = 12, Targets = ["*"] };
            var errors = new List<(string Name, double Error)>();
            foreach (var (name, expected, actual) in LoraGradientTests.Gradients(Description, _tensors, model, options, rounding))
            {
                double difference = Math.Sqrt(expected.Zip(actual, (x, y) => (x - y) * (x - y)).Sum());
                errors.Add((name, difference / Math.Sqrt(expected.Sum(x => x * x))));
            }

            TestContext.Current.TestOutputHelper?.WriteLine(string.Join('\n', errors.Select(each => $"{each.Name}: {each.Error:E2}")));
            Assert.All(errors, each => Assert.InRange(each.Error, 0, tolerance));
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void The_loss_falls_and_the_number_of_threads_does_not_change_a_bit(int fileType, WeightPrecision precision)
    {
        using var model = Load(fileType, precision);
        int[] ids = [.. Enumerable.Range(0, 600).Select(i => (i * i + (3 * i)) % 61)];
        var options = new TrainingOptions
        {
            Epochs = 10, MaxSteps = 20, BatchSize = 4, WindowLength = 32, LearningRate = 5e-3, EvaluationInterval = 20, ThreadCount = 1,
            Lora = new() { Rank = 4, Dropout = 0.1 },
        };
        var data = TrainingData.FromTokens(ids, model.Config.ContextLength, model.Config.VocabularySize, options);
        float[] before = model.ComputeLogits(ids.AsSpan(0, 50), Cancellation);
        var result = model.Train(data, options, cancellationToken: Cancellation);
        Assert.Equal(20, result.History.Last.Step);
        double first = result.History.First.TrainingLoss, last = result.History.Last.TrainingLoss;
        TestContext.Current.TestOutputHelper?.WriteLine($"{first:F3} → {last:F3}");
        Assert.True(last < first - 0.5, $"{first} → {last}");
        Assert.Equal(before, model.ComputeLogits(ids.AsSpan(0, 50), Cancellation));

        var other = model.Train(data, options with { ThreadCount = 2 }, cancellationToken: Cancellation);
        AdapterTrainingTests.AssertSame(result.Adapter!, other.Adapter!);
        Assert.Equal(last, other.History.Last.TrainingLoss);
    }

    // Of each 32 or 64 numbers, the largest becomes at most 127.49, and the largest sum of two neighbors at most 127.99.
    private static torch.Tensor ToBytes(torch.Tensor x, int blocksPerScale)
    {
        var pairs = x.reshape(-1, 16 * blocksPerScale, 2);
        var scale = torch.maximum(pairs.abs().amax([1, 2]) / 127.49, pairs.sum(2).abs().amax([1]) / 127.99).view(-1, 1, 1);
        return ((pairs / scale).round() * scale).reshape(x.shape);
    }

    // With blocks of Q6_K, 64 numbers have the same scale.
    private static PackedMatrix MatrixOf(GptModel model, string layer)
    {
        string[] parts = layer.Split('.');
        if (parts.Length < 3) return model.Weights.Head;
        var block = model.Weights.Blocks[int.Parse(parts[2], CultureInfo.InvariantCulture)];
        return parts[^1] switch
        {
            "o_proj" => block.AttentionOutput,
            "gate_proj" or "up_proj" => block.FeedForwardIn,
            "down_proj" => block.FeedForwardOut,
            _ => block.QueryKeyValue,
        };
    }

    private GptModel Load(int fileType, WeightPrecision precision)
    {
        string source = Path.Combine(_directory.Path, "base.gguf"), quantized = Path.Combine(_directory.Path, $"{fileType}.gguf");
        GgufFile.Write(source, Description, _tensors);
        LlamaCpp.QuantizeFile(source, quantized, fileType);
        var tokenizer = new CountingTokenizer(Description.VocabularySize);
        return GptModel.Load(quantized, new() { Precision = precision, ThreadCount = 2 }, tokenizer);
    }
}
