using MLNet.Gpt.Benchmarks.Measurement;

namespace MLNet.Gpt.Benchmarks;

/// <summary>Concurrent streams of one model, as a server has them, against a batch of the same texts.</summary>
internal static class StreamingBenchmark
{
    private const int Rounds = 5;
    private const int Texts = 8;
    private const int Tokens = 32;
    private const int PromptTokens = 8;

    public static void Run()
    {
        using var model = GptModel.FromWeights(RandomWeights.Create(GptPresets.Gpt2Small), Gpt2Tokenizer.Instance);
        var generator = new TextGenerator(
            model, new() { MaxTokens = Tokens, Temperature = 1, TopK = 40, Seed = 1, StopAtEndOfText = false, BatchSize = Texts });
        string[] prompts = [.. Enumerable.Range(0, Texts).Select(i => Gpt2Tokenizer.Instance.Decode(
            LectureBenchmark.Ids(PromptTokens + i, model.Config.VocabularySize)))];
        Report.Print(
            $"{Texts} texts of {Tokens} tokens, f32",
            "tokens/s",
            Comparison.Run(
                Rounds,
                new($"GenerateBatch of {Texts}", Texts * Tokens, () => generator.GenerateBatch(prompts).Count()),
                new(
                    $"{Texts} concurrent StreamAsync", Texts * Tokens,
                    () => Task.WaitAll(prompts.Select(prompt => Read(generator, prompt)))),
                new("one StreamAsync", Tokens, () => Read(generator, prompts[0]).Wait()),
                new("one Generate", Tokens, () => generator.Generate(prompts[0]))));
    }

    private static async Task Read(TextGenerator generator, string prompt)
    {
        await foreach (var chunk in generator.StreamAsync(prompt).ConfigureAwait(false)) GC.KeepAlive(chunk);
    }
}
