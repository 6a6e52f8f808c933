using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.TorchSharp;
using TorchSharp;

namespace MLNet.Gpt.Tests.Inference;

[Collection(TorchCollection.Name)]
public class TextEmbedderTests
{
    // The head is the identity matrix, so that libtorch's logits are the hidden states.
    private static readonly GptConfig Config =
        new() { VocabularySize = 40, ContextLength = 24, EmbeddingWidth = 40, HeadCount = 4, LayerCount = 2, HasTiedHead = false };

    private static readonly GptWeights Weights = WithIdentityHead(RandomWeights.Of(Config, deviation: 0.2f));

    private static readonly int[][] Texts =
        [.. new[] { 1, 5, 24, 25, 100 }.Select(length => RandomWeights.Ids(Config, length, seed: length))];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(EmbeddingPooling.Mean)]
    [InlineData(EmbeddingPooling.Last)]
    public void Vectors_are_the_pooled_hidden_states_of_libtorch(EmbeddingPooling pooling)
    {
        using var network = GptModule.FromWeights(Weights);
        network.eval();
        using var model = Create(threads: 2);
        var vectors = new TextEmbedder(model, new() { Pooling = pooling }).Embed(Texts, Cancellation);

        for (int i = 0; i < Texts.Length; i++)
        {
            int[] ids = Texts[i];
            float[][] states = pooling == EmbeddingPooling.Last
                ? [.. States(network, ids[Math.Max(0, ids.Length - Config.ContextLength)..]).TakeLast(1)]
                : [.. ids.Chunk(Config.ContextLength).SelectMany(window => States(network, window))];
            for (int c = 0; c < Config.EmbeddingWidth; c++)
            {
                Assert.Equal(states.Average(state => (double)state[c]), vectors[i][c], 2e-5);
            }
        }
    }

    [Fact]
    public void A_vector_depends_neither_on_other_texts_nor_on_threads()
    {
        using var model = Create(threads: 2);
        using var single = Create(threads: 1);
        var options = new EmbeddingOptions { Normalize = true };
        int[][] many = [.. Enumerable.Range(0, 40).SelectMany(_ => Texts)];
        var together = new TextEmbedder(model, options).Embed(many, Cancellation);
        for (int i = 0; i < many.Length; i++)
        {
            Assert.Equal(together[i], new TextEmbedder(single, options).Embed([many[i]], Cancellation)[0]);
        }
    }

    [Fact]
    public void A_normalized_vector_has_the_length_one_and_the_same_direction()
    {
        using var model = Create(threads: 2);
        float[] plain = new TextEmbedder(model).Embed([Texts[1]], Cancellation)[0];
        float[] unit = new TextEmbedder(model, new() { Normalize = true }).Embed([Texts[1]], Cancellation)[0];
        double length = Math.Sqrt(plain.Sum(value => (double)value * value));
        Assert.Equal(1, unit.Sum(value => (double)value * value), 1e-6);
        for (int c = 0; c < plain.Length; c++) Assert.Equal(plain[c] / length, unit[c], 1e-6);
    }

    [Fact]
    public void A_text_is_encoded_as_the_options_say()
    {
        using var model = TinyModels.Create();
        var embedder = new TextEmbedder(model);
        Assert.Equal(embedder.Embed([model.Tokenizer.Encode("w1 w2 w3")], Cancellation)[0], embedder.Embed("w1 w2 w3", Cancellation));
        Assert.Equal(model.ComputeHiddenStates(model.Tokenizer.Encode("w7"), Cancellation), embedder.Embed("w7", Cancellation));
    }

    [Fact]
    public void What_has_no_vector_is_refused()
    {
        using var model = Create(threads: 1);
        var embedder = new TextEmbedder(model);
        string message = Assert.Throws<ArgumentException>(() => embedder.Embed([[1], []], Cancellation)).Message;
        Assert.Contains("Text 2", message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => embedder.Embed([[40]], Cancellation));
        Assert.Empty(embedder.Embed(Array.Empty<int[]>(), Cancellation));
        Assert.ThrowsAny<OperationCanceledException>(() => embedder.Embed(Texts, new CancellationToken(canceled: true)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new EmbeddingOptions { Pooling = (EmbeddingPooling)7 });

        using var broken = GptModel.FromWeights(WithNaN(), new CountingTokenizer(Config.VocabularySize));
        Assert.Throws<InvalidOperationException>(() => new TextEmbedder(broken).Embed([[1, 2]], Cancellation));
    }

    private static GptModel Create(int threads) =>
        GptModel.FromWeights(Weights, new CountingTokenizer(Config.VocabularySize), new() { ThreadCount = threads });

    private static float[][] States(GptModule network, int[] ids)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradients = torch.no_grad();
        float[] states = network.call(torch.tensor(ids, torch.int64).unsqueeze(0)).data<float>().ToArray();
        return [.. states.Chunk(Config.EmbeddingWidth)];
    }

    private static GptWeights WithIdentityHead(GptWeights weights)
    {
        float[] head = new float[Config.VocabularySize * Config.EmbeddingWidth];
        for (int i = 0; i < Config.EmbeddingWidth; i++) head[(i * Config.EmbeddingWidth) + i] = 1;
        return With(weights, WeightNames.Head, head);
    }

    private static GptWeights WithNaN()
    {
        float[] scale = [.. Weights[WeightNames.FinalNormScale].ToArray()];
        scale[3] = float.NaN;
        return With(Weights, WeightNames.FinalNormScale, scale);
    }

    private static GptWeights With(GptWeights weights, string name, float[] array) => new(
        Config,
        WeightNames.For(Config).ToDictionary(
            entry => entry.Name, entry => entry.Name == name ? array : weights[entry.Name].ToArray()));
}
