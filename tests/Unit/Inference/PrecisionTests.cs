using MLNet.Gpt.Formats;
using MLNet.Gpt.Inference;
using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.TorchSharp;

namespace MLNet.Gpt.Tests.Inference;

/// <summary>The cost of rounding in loss, on text that the model has not seen and with trained weights.</summary>
[Collection(TorchCollection.Name)]
public class PrecisionTests
{
    private static readonly GptConfig Config = new()
    {
        VocabularySize = 256, ContextLength = 64, EmbeddingWidth = 96, HeadCount = 4, LayerCount = 3, DropoutRate = 0,
    };

    [Fact]
    public void Rounded_weights_lose_less_than_a_thousandth_of_the_loss_and_four_bits_little()
    {
        byte[] text = File.ReadAllBytes(Path.Combine(Repository.Root, "samples", "Data", "moby-dick.txt"));
        int[] ids = [.. text.Select(letter => (int)letter)];
        var cancellation = TestContext.Current.CancellationToken;
        using var network = GptModule.Create(Config, seed: 1);
        var data = new TrainingData(new TokenWindows(ids.AsMemory(0, 300_000), Config.ContextLength), null);
        network.Train(data, new() { BatchSize = 16, MaxSteps = 200, LearningRate = 3e-3 }, cancellationToken: cancellation);

        using var model = GptModel.FromWeights(network.ToWeights(), new CountingTokenizer(256));
        double loss = Loss(model);
        Assert.InRange(loss, 1, 2.6); // it has learned: letters alone have an entropy of about 3 nats
        TestContext.Current.TestOutputHelper?.WriteLine($"Float32 {loss:F6}");
        var tolerances = new[] { (WeightPrecision.BFloat16, 1e-3), (WeightPrecision.Int8, 1e-3), (WeightPrecision.Int4, 1.5e-2) };
        foreach (var (precision, tolerance) in tolerances)
        {
            using var rounded = model.Quantize(precision);
            double difference = (Loss(rounded) / loss) - 1;
            TestContext.Current.TestOutputHelper?.WriteLine($"{precision} {difference:P4}");
            Assert.InRange(difference, -tolerance, tolerance);
            Assert.NotEqual(0, difference);
        }

        // A Q8_0 file: the weights are rounded once, by the file; at Int8, only the activations are rounded in
        // addition.
        using var directory = new TemporaryDirectory();
        string path = Path.Combine(directory.Path, "model.gguf");
        GptModelExporter.Export(path, model, tokenizer: null, new() { DataType = TensorDataType.Q8_0 }, cancellationToken: cancellation);
        using var exact = GptModel.Load(path, tokenizer: model.Tokenizer, cancellationToken: cancellation);
        using var blocks = GptModel.Load(
            path, new() { Precision = WeightPrecision.Int8 }, model.Tokenizer, cancellationToken: cancellation);
        double ofFile = Loss(exact), fromFile = (ofFile / loss) - 1, fromActivations = (Loss(blocks) / ofFile) - 1;
        TestContext.Current.TestOutputHelper?.WriteLine($"Q8_0 {fromFile:P4}, and in bytes another {fromActivations:P4}");
        Assert.InRange(fromFile, -1e-3, 1e-3);
        Assert.InRange(fromActivations, -1e-3, 1e-3);

        double Loss(GptModel measured)
        {
            var held = ids.AsSpan(320_000, 25_601);
            var scores = new TokenScore[25_600];
            int[] lengths = [.. Enumerable.Repeat(Config.ContextLength, 400)];
            measured.Score(held[..^1], held[1..], lengths, scores, cancellation);
            return scores.Average(score => (double)score.NegativeLogLikelihood);
        }
    }
}
