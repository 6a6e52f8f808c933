using MLNet.Gpt.Inference;
using MLNet.Gpt.Numerics.Threading;
using MLNet.Gpt.Tests.Generation;

namespace MLNet.Gpt.Tests.Inference;

public class GptModelOptionsTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void A_precision_that_does_not_exist_is_refused()
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => new GptModelOptions { Precision = (WeightPrecision)77 });
        Assert.Contains("Float32, BFloat16, Int8", error.Message, StringComparison.Ordinal);
        using var model = NewModel(new());
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Quantize((WeightPrecision)77));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Quantize((WeightPrecision)(-1)));
    }

    [Fact]
    public void The_number_of_threads_is_bounded_by_the_machine()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new GptModelOptions { ThreadCount = 0 });
        using var model = NewModel(new() { ThreadCount = 1_000_000 });
        Assert.Equal(1_000_000, model.Options.ThreadCount);
        Assert.Equal(WorkerTeam.MostThreads, model.ThreadCount);
        Assert.Equal(GptModelTests.Odd.VocabularySize, model.ComputeLogits([1]).Length);
    }

    [Fact]
    public void Scoring_and_generating_both_refuse_a_model_with_NaN()
    {
        var config = GptModelTests.Odd with { VocabularySize = 257 };
        var sound = RandomWeights.Of(config);
        var arrays = WeightNames.For(config).ToDictionary(entry => entry.Name, entry => sound[entry.Name].ToArray());
        arrays[WeightNames.FinalNormScale][3] = float.NaN;
        using var model = GptModel.FromWeights(new GptWeights(config, arrays), new ByteTokenizer());
        var generator = new TextGenerator(model);
        Assert.Throws<InvalidOperationException>(() => model.Score([1, 2], [2, 3], [2], new TokenScore[2], Cancellation));
        Assert.Throws<InvalidOperationException>(() => generator.Generate([1, 2], new(), Cancellation));
        Assert.Throws<InvalidOperationException>(() => generator.Generate([1, 2], new() { Temperature = 1 }, Cancellation));
        Assert.Throws<InvalidOperationException>(() => new NextTokenPredictor(model).Predict([1, 2], 3, Cancellation));
    }

    private static GptModel NewModel(GptModelOptions options) =>
        GptModel.FromWeights(RandomWeights.Of(GptModelTests.Odd), new CountingTokenizer(GptModelTests.Odd.VocabularySize), options);
}
