using System.Globalization;
using MLNet.Gpt.TorchSharp;
using static TorchSharp.torch;

namespace MLNet.Gpt.Tests.Loss;

/// <summary>Compares every step of the lecture with PyTorch's own kernels, to the digits that PyTorch prints.</summary>
public class LossAgainstPyTorchTests
{
    [Theory]
    [InlineData(2, 3, 50257, 0.6f, 123)] // the lecture's shapes, and logits like a new model's
    [InlineData(1, 1, 2, 1f, 1)]
    [InlineData(3, 5, 61, 4f, 2)]
    public void Each_step_prints_like_PyTorchs(int batchSize, int tokenCount, int vocabularySize, float spread, long seed)
    {
        LibTorch.EnsureLoaded();
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)seed, CPU);
        var logits = randn([batchSize, tokenCount, vocabularySize], generator: generator) * spread; // (B, T, V)
        var targets = randint(0, vocabularySize, [batchSize, tokenCount], dtype: ScalarType.Int64, generator: generator); // (B, T)
        int[] ids = [.. targets.data<long>().Select(id => (int)id)];

        var steps = LossSteps.Compute(logits.data<float>().ToArray(), ids, ids, batchSize, tokenCount, vocabularySize);

        var probabilities = softmax(logits, dim: -1); // (B, T, V)
        var targetProbabilities = probabilities.gather(-1, targets.unsqueeze(-1)).squeeze(-1); // (B, T)
        var logarithms = log(targetProbabilities); // (B, T)
        var loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()); // ()

        Assert.Equal(probabilities.shape, steps.ProbabilitiesShape.Select(size => (long)size));
        Assert.Equal(argmax(probabilities, dim: -1).data<long>().ToArray(), steps.ArgMaxIds.Select(id => (long)id));
        Assert.Equal(targetProbabilities.data<float>().ToArray().Select(Scientific), steps.TargetProbabilities.Select(Scientific));
        Assert.Equal(logarithms.data<float>().ToArray().Select(Fixed), steps.LogProbabilities.Select(Fixed));
        Assert.Equal(Fixed(logarithms.mean().item<float>()), Fixed(steps.MeanLogProbability));
        Assert.Equal(Fixed(loss.item<float>()), Fixed(steps.CrossEntropy));
        Assert.Equal(exp(loss).item<float>(), steps.Perplexity, steps.Perplexity * 2e-6f); // two steps of single precision in the loss
    }

    private static string Scientific(float value) => value.ToString("E4", CultureInfo.InvariantCulture);

    private static string Fixed(float value) => value.ToString("F4", CultureInfo.InvariantCulture);
}
