using Microsoft.ML;
using MLNet.Gpt.Benchmarks.Measurement;
using Spectre.Console;

namespace MLNet.Gpt.Benchmarks;

/// <summary>
/// Compares lookup decoding with plain greedy decoding: a model trained on chapters of Moby-Dick continues other chapters.
/// Both give the same text.
/// </summary>
internal static class LookupBenchmark
{
    private const int Rounds = 5;
    private const int HeldOutChapters = 5;
    private const int NewTokens = 60;

    public static void Run()
    {
        string path = Path.Combine(AppContext.BaseDirectory, "Data", "moby-dick.txt");
        string[] chapters = File.ReadAllText(path).Split("\nCHAPTER ");
        var ml = new MLContext(seed: 1);
        AnsiConsole.WriteLine("Training a small model for lookup decoding …");
        var options = new GptTrainerOptions
        {
            Training = new() { MaxSteps = 200, BatchSize = 2, LearningRate = 2e-3, Decay = LearningRateDecay.None, WarmUpSteps = 0 },
        };
        var data = ml.Data.LoadFromEnumerable(chapters[..^HeldOutChapters].Select(text => new { Text = text }));
        var model = ml.LanguageModeling.Trainers.Gpt(options).Fit(data).Model;

        string[] prompts = [.. chapters[^HeldOutChapters..].Select(chapter => chapter[..200])];
        var greedy = new TextGenerator(model, new() { MaxTokens = NewTokens, StopAtEndOfText = false });
        var lookup = new TextGenerator(model, new() { MaxTokens = NewTokens, StopAtEndOfText = false, LookupDecoding = true });
        bool isSame = prompts.All(prompt => greedy.Generate(prompt).Text == lookup.Generate(prompt).Text);
        Report.Print(
            $"Greedy decoding after {prompts.Length} openings of chapters, small trained model; the same text: {isSame}",
            "tokens/s",
            Comparison.Run(
                Rounds,
                new("one token at a time", NewTokens * prompts.Length, () => Array.ForEach(prompts, prompt => greedy.Generate(prompt))),
                new("with lookup", NewTokens * prompts.Length, () => Array.ForEach(prompts, prompt => lookup.Generate(prompt)))));
    }
}
