using MLNet.Gpt.Inference;
using MLNet.Gpt.Network;
using MLNet.Gpt.Tests.Decoders;
using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Training.Lora;

/// <summary>Models with adapters, attached and merged.</summary>
public class AdapterModelTests
{
    private static readonly LoraOptions Everything = new() { Rank = 6, Alpha = 9, Targets = ["*"] };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, WeightPrecision> Cases => new()
    {
        { "nanogpt", WeightPrecision.Float32 }, { "nanogpt", WeightPrecision.BFloat16 }, { "nanogpt", WeightPrecision.Int8 },
        { "nanogpt", WeightPrecision.Int4 }, { "llama", WeightPrecision.Float32 }, { "llama", WeightPrecision.Int8 },
        { "llama", WeightPrecision.Int4 }, { "gemma3", WeightPrecision.BFloat16 }, { "qwen3", WeightPrecision.Int4 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void With_B_zero_every_result_is_the_base_models_bit_for_bit(string name, WeightPrecision precision)
    {
        using var model = NewModel(name, precision);
        using var adapted = model.WithAdapter(LoraAdapters.Zero(LoraAdapters.Random(model.Config, Everything, seed: 2)));
        int[] ids = DecoderFamilies.Named(name).RandomIds(50, seed: 3);
        Assert.Equal(model.ComputeLogits(ids), adapted.ComputeLogits(ids));
        Assert.Equal(Losses(model, ids), Losses(adapted, ids));
    }

    [Theory]
    [InlineData("nanogpt")]
    [InlineData("llama")]
    [InlineData("qwen3")]
    [InlineData("gemma2")]
    public void Attached_and_merged_adapters_agree(string name)
    {
        using var model = NewModel(name, WeightPrecision.Float32);
        LoraAdapter first = LoraAdapters.Random(model.Config, Everything, seed: 2);
        LoraAdapter second = LoraAdapters.Random(model.Config, new() { Rank = 3, Targets = ["*.att.W_value.*", "*.ff.*"] }, seed: 5);
        int[] ids = DecoderFamilies.Named(name).RandomIds(50, seed: 3);
        using var one = model.WithAdapter(first);
        using var stacked = one.WithAdapter(second, scale: 0.5);
        using var merged = NewModel(first.Merge(model), model.Tokenizer);
        using var both = NewModel(second.Merge(first.Merge(model), scale: 0.5), model.Tokenizer);
        Assert.NotEqual(model.ComputeLogits(ids), one.ComputeLogits(ids));
        AssertClose(merged.ComputeLogits(ids), one.ComputeLogits(ids));
        AssertClose(both.ComputeLogits(ids), stacked.ComputeLogits(ids));
        AssertClose(Losses(both, ids), Losses(stacked, ids));

        using var none = model.WithAdapter(first, scale: 0);
        Assert.Equal(model.ComputeLogits(ids), none.ComputeLogits(ids));
    }

    [Theory]
    [InlineData(WeightPrecision.Float32)]
    [InlineData(WeightPrecision.Int8)]
    public void Tokens_one_by_one_get_the_bits_of_the_whole_text(WeightPrecision precision)
    {
        using var model = NewModel("llama", precision);
        using var adapted = model.WithAdapter(LoraAdapters.Random(model.Config, Everything, seed: 2));
        int[] ids = DecoderFamilies.Named("llama").RandomIds(40, seed: 3);
        int v = model.Config.VocabularySize;
        float[] expected = adapted.ComputeLogits(ids);
        using var session = adapted.CreateSession();
        Assert.Equal(expected.AsSpan(12 * v, v), session.Append(ids.AsSpan(0, 13), Cancellation));
        for (int t = 13; t < ids.Length; t++) Assert.Equal(expected.AsSpan(t * v, v), session.Append(ids.AsSpan(t, 1), Cancellation));
    }

    [Fact]
    public void As_a_source_of_weights_an_adapted_model_has_them_merged()
    {
        using var model = NewModel("llama", WeightPrecision.Int8);
        var adapter = LoraAdapters.Random(model.Config, Everything, seed: 2);
        using var adapted = model.WithAdapter(adapter);
        GptWeights expected = GptWeights.CopyOf(adapter.Merge(model)), actual = GptWeights.CopyOf(adapted);
        foreach (var entry in WeightNames.For(model.Config)) Assert.Equal(expected[entry.Name], actual[entry.Name]);
        float[] part = new float[300];
        adapted.Read(WeightNames.Value(1), 123, part);
        Assert.Equal(expected[WeightNames.Value(1)].Slice(123, 300), part);
    }

    [Fact]
    public void Base_and_adapted_model_can_be_disposed_in_any_order_and_leave_no_memory()
    {
        int[] ids = DecoderFamilies.Named("llama").RandomIds(9, seed: 3);
        var model = NewModel("llama", WeightPrecision.Float32);
        var adapter = LoraAdapters.Random(model.Config, Everything, seed: 2);
        var adapted = model.WithAdapter(adapter);
        float[] expected = adapted.ComputeLogits(ids);
        model.Dispose();
        Assert.Throws<ObjectDisposedException>(() => model.ComputeLogits(ids));
        Assert.Throws<ObjectDisposedException>(() => model.WithAdapter(adapter));
        Assert.Equal(expected, adapted.ComputeLogits(ids));
        adapted.Dispose();
        Assert.Throws<ObjectDisposedException>(() => adapted.ComputeLogits(ids));
        Assert.Throws<ObjectDisposedException>(() => model.Weights.Borrow().Dispose());
    }

    [Fact]
    public void An_adapter_of_another_model_is_refused_by_name()
    {
        using var model = NewModel("llama", WeightPrecision.Float32);
        var foreign = LoraAdapters.Random(model.Config with { FeedForwardWidth = 640 }, Everything, seed: 1);
        var error = Assert.Throws<ArgumentException>(() => model.WithAdapter(foreign));
        Assert.Contains("ff.gate", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => foreign.Merge(model));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => model.WithAdapter(LoraAdapters.Random(model.Config, Everything, seed: 1), double.NaN));
    }

    [Fact]
    public void Weights_trained_in_full_replace_the_models()
    {
        using var model = NewModel("llama", WeightPrecision.Float32);
        float[] norm = [.. Enumerable.Range(0, model.Config.EmbeddingWidth).Select(i => 1 + (i * 0.01f))];
        var adapter = new LoraAdapter(
            model.Config, LoraAdapters.Random(model.Config, Everything, seed: 2).Matrices,
            new Dictionary<string, float[]> { [WeightNames.FinalNormScale] = norm });
        int[] ids = DecoderFamilies.Named("llama").RandomIds(20, seed: 3);
        using var adapted = model.WithAdapter(adapter);
        using var merged = NewModel(adapter.Merge(model), model.Tokenizer);
        AssertClose(merged.ComputeLogits(ids), adapted.ComputeLogits(ids));
        float[] read = new float[norm.Length];
        adapted.Read(WeightNames.FinalNormScale, 0, read);
        Assert.Equal(norm, read);
    }

    /// <summary>The book's counts, appendix E: rank 16 on every linear layer, the head of two classes included.</summary>
    [Fact]
    public void Counts_are_the_books()
    {
        var config = GptPresets.Gpt2Small with { ScoreCount = 2 };
        Assert.Equal(124_441_346, config.ParameterCount);
        Assert.Equal(2_666_528, LoraTargets.ParameterCount(config, new() { Rank = 16, Targets = ["*"] }));
    }

    [Fact]
    public void A_target_that_is_no_linear_layer_is_refused_by_name()
    {
        foreach (string target in new[] { WeightNames.TokenEmbedding, WeightNames.FinalNormScale, "nothing", WeightNames.QueryBias(0) })
        {
            var options = new LoraOptions { Targets = ["trf_blocks.*", target] };
            var error = Assert.Throws<ArgumentException>(() => LoraTargets.Of(GptPresets.Tiny, options));
            Assert.Contains($"'{target}'", error.Message, StringComparison.Ordinal);
        }

        Assert.Throws<ArgumentException>(() => LoraTargets.Of(GptPresets.Tiny, new() { Targets = [] }));
        Assert.Throws<ArgumentException>(() => LoraTargets.Of(GptPresets.Tiny, new() { TrainedWeights = ["nothing"] }));
        Assert.Throws<ArgumentException>(() => LoraTargets.Of(GptPresets.Tiny, new() { TrainedWeights = [WeightNames.Value(0)] }));
    }

    private static float[] Losses(GptModel model, int[] ids)
    {
        var scores = new TokenScore[ids.Length - 1];
        model.Score(ids.AsSpan(0, ids.Length - 1), ids.AsSpan(1), [ids.Length - 1], scores, Cancellation);
        return [.. scores.Select(score => score.NegativeLogLikelihood)];
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        float largest = expected.Max(Math.Abs);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-5f * largest));
    }

    private static GptModel NewModel(string name, WeightPrecision precision)
    {
        var description = DecoderFamilies.Named(name);
        return GptModel.FromWeights(
            LibraryDecoder.Weights(description, description.RandomWeights(seed: 1)), new CountingTokenizer(description.VocabularySize),
            new() { Precision = precision, ThreadCount = 2 }, cancellationToken: Cancellation);
    }

    private static GptModel NewModel(IWeightSource weights, ITextTokenizer tokenizer) =>
        GptModel.FromWeights(weights, tokenizer, new() { ThreadCount = 2 }, cancellationToken: Cancellation);
}
