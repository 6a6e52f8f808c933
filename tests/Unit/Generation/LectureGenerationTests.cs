using MLNet.Gpt.Tests.Inference;
using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.TorchSharp;
using static TorchSharp.torch;

namespace MLNet.Gpt.Tests.Generation;

/// <summary>The generator on the managed engine against the book's functions on the TorchSharp network.</summary>
[Collection(TorchCollection.Name)]
public class LectureGenerationTests(LectureModel lecture) : IClassFixture<LectureModel>
{
    [Fact]
    public void The_engine_generates_the_lectures_texts()
    {
        const string Prompt = "Every effort moves you";
        using var model = GptModel.FromWeights(lecture.Module.ToWeights(), Gpt2Tokenizer.Instance);
        var generator = new TextGenerator(model);

        // What the lecture prints.
        Assert.Equal(" rentingetic wasnم refres RexMeCHicular stren", generator.Generate(Prompt, new() { MaxTokens = 10 }).Text);

        // The book's example of sampling, drawn by libtorch.
        var options = new GenerationOptions
        {
            MaxTokens = 8, Temperature = 1.4, TopK = 25, Seed = 123, RandomAlgorithm = RandomAlgorithm.PyTorch,
            StopAtEndOfText = false,
        };
        int[] prompt = Gpt2Tokenizer.Instance.Encode(Prompt);
        Assert.Equal(BookGenerate(lecture.Module, prompt, options), generator.Generate(Prompt, options).TokenIds);
    }

    [Theory]
    [InlineData(0, null)]
    [InlineData(0.9, null)]
    [InlineData(1.4, 5)]
    public void A_text_far_beyond_the_context_is_the_books_token_for_token(double temperature, int? topK)
    {
        var config = GptPresets.Tiny with { HasTiedHead = false };
        var weights = RandomWeights.Of(config, seed: 11, deviation: 0.3f);
        using var module = GptModule.FromWeights(weights);
        using var model = GptModel.FromWeights(
            weights, new WordTokenizer(Enumerable.Range(0, config.VocabularySize).Select(id => $"w{id}")));
        var options = new GenerationOptions
        {
            MaxTokens = 200, Temperature = temperature, TopK = topK, Seed = 42,
            RandomAlgorithm = RandomAlgorithm.PyTorch,
        };

        int[] expected = BookGenerate(module, [3, 1, 4, 1, 5], options);
        Assert.True(expected.Distinct().Count() > 3, "The text must not be a mere repetition for the test to tell anything.");
        Assert.Equal(expected, new TextGenerator(model).Generate([3, 1, 4, 1, 5], options).TokenIds);
    }

    // The book's generate (chapter 5), step for step.
    private static int[] BookGenerate(GptModule module, int[] prompt, GenerationOptions options)
    {
        using var noGradients = no_grad();
        module.eval();
        random.manual_seed(options.Seed!.Value);
        List<long> ids = [.. prompt];
        for (int step = 0; step < options.MaxTokens; step++)
        {
            using var scope = NewDisposeScope();
            var logits = module.call(tensor(ids.TakeLast(module.Config.ContextLength).ToArray()).unsqueeze(0))[.., -1];
            if (options.TopK is { } k)
            {
                var (best, _) = logits.topk(k);
                logits = where(logits < best[.., -1], tensor(float.NegativeInfinity), logits);
            }

            var next = options.Temperature > 0
                ? multinomial(nn.functional.softmax(logits / (float)options.Temperature, -1), 1)
                : logits.argmax(-1, keepdim: true);
            ids.Add(next.item<long>());
        }

        return [.. ids.Skip(prompt.Length).Select(id => (int)id)];
    }
}
