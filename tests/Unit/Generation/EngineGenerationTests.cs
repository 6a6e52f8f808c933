using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Generation;

/// <summary>Tests the generator on the managed engine, for what scripted logits cannot show.</summary>
public class EngineGenerationTests
{
    private static readonly GptConfig Config = GptPresets.Tiny with { VocabularySize = 257, ContextLength = 24 };

    [Theory]
    [InlineData(WeightPrecision.Float32)]
    [InlineData(WeightPrecision.Int8)]
    [InlineData(WeightPrecision.Int4)]
    public void Batches_and_samples_give_the_same_texts_as_single_calls(WeightPrecision precision)
    {
        using var model = GptModel.FromWeights(
            RandomWeights.Of(Config, deviation: 0.3f), new ByteTokenizer(), new() { Precision = precision });
        var options = new GenerationOptions
        {
            MaxTokens = 40, Temperature = 1.1, TopP = 0.95, RepetitionPenalty = 1.1, Seed = 3, BatchSize = 4,
        };
        var generator = new TextGenerator(model, options);
        string[] prompts = ["a", "bb", "a prompt that is longer than the context", "c", "dd", "eee"];
        Assert.Equal(
            prompts.Select(prompt => generator.Generate(prompt).Text),
            generator.GenerateBatch(prompts).Select(result => result.Text));
        Assert.Equal(generator.Generate("bb").Text, generator.GenerateSamples("bb", 5)[0].Text);
    }

    [Fact]
    public async Task Streams_run_concurrently_on_one_model()
    {
        using var model = GptModel.FromWeights(RandomWeights.Of(Config, deviation: 0.3f), new ByteTokenizer());
        var generator = new TextGenerator(model, new() { MaxTokens = 60, Temperature = 1, Seed = 5 });
        string expected = generator.Generate("abc").Text;
        string[] texts = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            var text = new System.Text.StringBuilder();
            await foreach (var piece in generator.StreamAsync("abc")) text.Append(piece.Text);
            return text.ToString();
        }));
        Assert.All(texts, text => Assert.Equal(expected, text));
    }
}
