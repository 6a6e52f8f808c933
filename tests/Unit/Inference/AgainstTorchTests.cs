using MLNet.Gpt.Inference;
using MLNet.Gpt.Numerics.Softmax;
using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.TorchSharp;
using TorchSharp;

namespace MLNet.Gpt.Tests.Inference;

/// <summary>Compares the engine with libtorch, with the same weights.</summary>
[Collection(TorchCollection.Name)]
public class AgainstTorchTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void GPT_2_small_has_the_same_logits_at_every_position()
    {
        using var network = GptModule.Create(GptPresets.Gpt2Small, seed: 5, WeightInitialization.Gpt2);
        Compare(network, tokenCount: 67, 2e-5f, stepped: 10);
    }

    [Fact]
    public void The_lecture_model_has_the_same_logits_and_generates_the_lectures_ten_tokens()
    {
        using var lecture = new LectureModel();
        Compare(lecture.Module, tokenCount: 33, 2e-5f, stepped: 3);

        using var model = GptModel.FromWeights(lecture.Module.ToWeights(), Gpt2Tokenizer.Instance);
        using var session = model.CreateSession();
        int[] next = Gpt2Tokenizer.Instance.Encode("Every effort moves you");
        var written = new List<int>();
        while (written.Count < 10)
        {
            next = [LogitScan.ArgMax(session.Append(next, Cancellation))];
            written.AddRange(next);
        }

        Assert.Equal(" rentingetic wasnم refres RexMeCHicular stren", Gpt2Tokenizer.Instance.Decode([.. written]));
    }

    [Theory(Explicit = true)]
    [Trait("Category", "Slow")]
    [InlineData("gpt2-medium")]
    [InlineData("gpt2-large")]
    public void Larger_presets_have_the_same_logits(string preset)
    {
        using var network = GptModule.Create(GptPresets.Named(preset), seed: 6, WeightInitialization.Gpt2);
        Compare(network, tokenCount: 19, 2e-5f, stepped: 14);
    }

    [Fact]
    public void The_losses_are_those_of_libtorchs_cross_entropy()
    {
        var config = GptModelTests.Odd with { VocabularySize = 3001 };
        using var network = GptModule.FromWeights(RandomWeights.Of(config, deviation: 0.1f));
        network.eval();
        int[] ids = RandomWeights.Ids(config, 301);
        using var model = GptModel.FromWeights(network.ToWeights(), new CountingTokenizer(config.VocabularySize));
        var scores = new TokenScore[300];
        model.Score(ids.AsSpan(0, 300), ids.AsSpan(1), [300], scores, Cancellation);

        using var scope = torch.NewDisposeScope();
        using var noGradients = torch.no_grad();
        var logits = network.call(torch.tensor(ids[..300], torch.int64).unsqueeze(0)).squeeze(0);
        var losses = torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1..], torch.int64), reduction: torch.nn.Reduction.None);
        float[] expected = losses.data<float>().ToArray();
        for (int t = 0; t < 300; t++) Assert.Equal(expected[t], scores[t].NegativeLogLikelihood, 2e-5f);
    }

    // Every position of a sequence at once; the last ones also token by token, alone and in a batch with others.
    private static void Compare(GptModule network, int tokenCount, float tolerance, int stepped)
    {
        var config = network.Config;
        int v = config.VocabularySize;
        network.eval();
        int[] ids = RandomWeights.Ids(config, tokenCount);
        float[] expected = TorchLogits(network, ids);
        using var model = GptModel.FromWeights(network.ToWeights(), new CountingTokenizer(v));
        float[] whole = model.ComputeLogits(ids);
        Assert.InRange(LargestDifference(expected, whole), 0, tolerance);

        using var single = model.CreateSession();
        GptSession[] batch = [.. Enumerable.Range(0, 3).Select(_ => model.CreateSession())];
        int first = tokenCount - 5 - stepped;
        single.Append(ids.AsSpan(0, first), Cancellation);
        batch[0].Append(ids.AsSpan(0, first), Cancellation);
        batch[1].Append(ids.AsSpan(0, first + 5), Cancellation);
        for (int t = first; t < tokenCount - 5; t++)
        {
            Assert.Equal(whole.AsSpan(t * v, v), single.Append(ids.AsSpan(t, 1), Cancellation));
            model.Step(batch, [ids[t], ids[t + 5], ids[tokenCount - 1 - t]], Cancellation);
            Assert.Equal(whole.AsSpan(t * v, v), batch[0].Logits);
            Assert.Equal(whole.AsSpan((t + 5) * v, v), batch[1].Logits);
        }

        foreach (var session in batch) session.Dispose();
    }

    private static float[] TorchLogits(GptModule network, int[] ids)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradients = torch.no_grad();
        return network.call(torch.tensor(ids, torch.int64).unsqueeze(0)).data<float>().ToArray();
    }

    private static float LargestDifference(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        float largest = 0;
        for (int i = 0; i < expected.Length; i++) largest = Math.Max(largest, Math.Abs(expected[i] - actual[i]));
        return largest;
    }
}
