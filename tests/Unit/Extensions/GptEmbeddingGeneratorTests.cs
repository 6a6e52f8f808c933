using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using MLNet.Gpt.Extensions;

namespace MLNet.Gpt.Tests.Extensions;

public sealed class GptEmbeddingGeneratorTests : IDisposable
{
    private readonly GptModel _model = TinyModels.Create();

    public void Dispose() => _model.Dispose();

    [Fact]
    public async Task Vectors_are_those_of_the_embedder()
    {
        using var generator = new GptEmbeddingGenerator(_model, new() { Normalize = true });

        var embeddings = await generator.GenerateAsync(["w1 w2 w3", "w4"], cancellationToken: TestContext.Current.CancellationToken);

        var embedder = new TextEmbedder(_model, new() { Normalize = true });
        Assert.Equal(2, embeddings.Count);
        Assert.Equal(embedder.Embed("w1 w2 w3"), embeddings[0].Vector.ToArray());
        Assert.Equal(embedder.Embed("w4"), embeddings[1].Vector.ToArray());
        Assert.Equal("gpt2", embeddings[0].ModelId);
        Assert.Equal(4, embeddings.Usage!.InputTokenCount);
    }

    [Fact]
    public async Task What_the_model_cannot_do_is_refused()
    {
        using var generator = new GptEmbeddingGenerator(_model);
        var cancellation = TestContext.Current.CancellationToken;
        await Assert.ThrowsAsync<NotSupportedException>(() => generator.GenerateAsync(["w1"], new() { Dimensions = 3 }, cancellation));
        await Assert.ThrowsAsync<ArgumentException>(() => generator.GenerateAsync(["w1"], new() { ModelId = "other" }, cancellation));
        await Assert.ThrowsAsync<ArgumentException>(() => generator.GenerateAsync([""], cancellationToken: cancellation));
        var width = new EmbeddingGenerationOptions { Dimensions = _model.Config.EmbeddingWidth, ModelId = "gpt2" };
        Assert.Single(await generator.GenerateAsync(["w1"], width, cancellation));
    }

    [Fact]
    public void The_container_has_a_generator_over_its_model()
    {
        using var provider =
            new ServiceCollection().AddGptModel(_ => TinyModels.Create()).AddGptEmbeddingGenerator().BuildServiceProvider();
        var generator = provider.GetRequiredService<IEmbeddingGenerator<string, Embedding<float>>>();
        Assert.Same(provider.GetRequiredService<GptModel>(), generator.GetService<GptModel>());
        Assert.Equal(GptPresets.Tiny.EmbeddingWidth, generator.GetService<EmbeddingGeneratorMetadata>()!.DefaultModelDimensions);
    }
}
