using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;

namespace MLNet.Gpt.Tests.Extensions;

public sealed class GptServiceCollectionExtensionsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mlnet-gpt-services").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_model_path_provides_generator_scorer_predictor_and_chat_client_over_one_model()
    {
        string path = Path.Combine(_folder, "model.safetensors");
        GptCheckpoint.Save(path, TinyModels.Weights(GptPresets.Tiny, 3), TinyModels.Words);
        await using var provider = new ServiceCollection().AddGptModel(path, new() { ThreadCount = 1 }).AddGptChatClient()
            .BuildServiceProvider();

        var model = provider.GetRequiredService<GptModel>();

        Assert.Equal(1, model.Options.ThreadCount);
        Assert.Same(model, provider.GetRequiredService<IChatClient>().GetService<GptModel>());
        Assert.Equal(new TextGenerator(model).Generate("w1").Text, provider.GetRequiredService<TextGenerator>().Generate("w1").Text);
        Assert.Equal(
            new TextScorer(model).Score("w1 w2 w3").ToExactString(),
            provider.GetRequiredService<TextScorer>().Score("w1 w2 w3").ToExactString());
        Assert.Equal(new NextTokenPredictor(model).Predict("w1"), provider.GetRequiredService<NextTokenPredictor>().Predict("w1"));
        Assert.Equal(
            new TextGenerator(model).Generate("w1").Text,
            (await provider.GetRequiredService<IChatClient>().GetResponseAsync("w1")).Text);
    }

    [Fact]
    public void The_container_disposes_the_model_that_it_created()
    {
        GptModel model;
        using (var provider = new ServiceCollection().AddGptModel(_ => TinyModels.Create()).AddGptChatClient().BuildServiceProvider())
        {
            _ = provider.GetRequiredService<IChatClient>();
            model = provider.GetRequiredService<GptModel>();
        }

        Assert.Throws<ObjectDisposedException>(model.CreateSession);
    }

    [Fact]
    public void A_missing_file_is_named_when_the_model_is_requested()
    {
        using var provider = new ServiceCollection().AddGptModel(Path.Combine(_folder, "none.safetensors")).BuildServiceProvider();
        Assert.Contains(
            "none.safetensors",
            Assert.ThrowsAny<IOException>(provider.GetRequiredService<GptModel>).Message,
            StringComparison.Ordinal);
    }
}
