using System.Globalization;
using MLNet.Gpt.Benchmarks.Baselines;
using MLNet.Gpt.Benchmarks.Measurement;
using Spectre.Console;
using TorchSharp;

namespace MLNet.Gpt.Benchmarks;

/// <summary>
/// Measures the loss of a corpus with GPT-2's smallest model, from text to figure, against the usual PyTorch-style loop
/// (tokenize, windows, forward, cross_entropy), at full context and with documents of many lengths; prints how rounding
/// to int8 changes the figure, and the memory.
/// </summary>
internal static class MeasuringBenchmark
{
    private const int Rounds = 3;
    private const int BookTokens = 1024;
    private const int RowCount = 24;

    public static void Run()
    {
        var weights = RandomWeights.Create(GptPresets.Gpt2Small);
        using var baseline = new TorchGpt(weights);
        using var noGradients = torch.no_grad();
        using var full = GptModel.FromWeights(weights, Gpt2Tokenizer.Instance);
        using var rounded = full.Quantize(WeightPrecision.Int8);

        string novel = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Data", "moby-dick.txt"));
        string book = TextOf(novel, BookTokens + 1);
        string[] rows = Rows(novel);
        Compare($"Loss of a text of {BookTokens} tokens, one window", baseline, full, rounded, [book]);
        Compare($"Loss of {RowCount} documents of 8 to 100 tokens, each by itself", baseline, full, rounded, rows);

        double exact = Loss(full, [book]).CrossEntropy, int8 = Loss(rounded, [book]).CrossEntropy, torchLoss = TorchLoss(baseline, [book]);
        AnsiConsole.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"Cross-entropy: TorchSharp {torchLoss:F6}, f32 {exact:F6} ({exact - torchLoss:+0.0e+00;-0.0e+00}), "
            + $"int8 {int8:F6} ({(int8 - exact) / exact:+0.0000%;-0.0000%} of f32)."));
        Memory(full, novel);
    }

    private static void Compare(string title, TorchGpt baseline, GptModel full, GptModel rounded, string[] texts)
    {
        int tokens = (int)Loss(full, texts).TokenCount;
        Report.Print(
            title,
            "tokens/s",
            Comparison.Run(
                Rounds,
                new("TorchSharp, the usual loop", tokens, () => TorchLoss(baseline, texts)),
                new("MLNet.Gpt Float32", tokens, () => Loss(full, texts)),
                new("MLNet.Gpt Int8", tokens, () => Loss(rounded, texts))));
    }

    private static LanguageModelMetrics Loss(GptModel model, string[] texts) =>
        new CorpusEvaluator(model).Evaluate(Corpus.FromTexts(texts)).Metrics;

    // The mean over all targets; each document is scored separately, because padding would have to be scored or masked.
    private static double TorchLoss(TorchGpt model, string[] texts)
    {
        double sum = 0;
        long count = 0;
        foreach (string text in texts)
        {
            int[] ids = Gpt2Tokenizer.Instance.Encode(text);
            if (ids.Length < 2) continue;
            using var inputs = torch.tensor(ids[..^1], torch.ScalarType.Int64).view(1, ids.Length - 1);
            using var targets = torch.tensor(ids[1..], torch.ScalarType.Int64).view(1, ids.Length - 1);
            sum += model.Loss(inputs, targets) * (ids.Length - 1);
            count += ids.Length - 1;
        }

        return sum / count;
    }

    // A corpus four times as long takes no more managed memory at its peak, except for noise.
    private static void Memory(GptModel model, string novel)
    {
        var config = GptPresets.Tiny with { VocabularySize = 50257 };
        using var small = GptModel.FromWeights(RandomWeights.Create(config), Gpt2Tokenizer.Instance);
        string passage = novel[..200_000];
        long Peak(int copies)
        {
            GC.Collect();
            long before = GC.GetTotalMemory(forceFullCollection: true), peak = 0;
            var watch = new Progress(() => peak = Math.Max(peak, GC.GetTotalMemory(forceFullCollection: true) - before));
            var corpus = Corpus.FromDocuments(Enumerable.Range(0, copies).Select(i => new CorpusDocument($"{i}", passage)));
            new CorpusEvaluator(small, options: new() { BatchTokenCount = 512 }).Evaluate(corpus, watch);
            return peak;
        }

        AnsiConsole.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"Live managed memory at its peak: {Peak(1) / 1e6:F1} MB for a corpus of 0.2 MB, "
            + $"{Peak(4) / 1e6:F1} MB for one four times as long; the weights take {model.WeightBytes / 1e6:F0} MB."));
    }

    private static string TextOf(string novel, int tokens)
    {
        int[] ids = Gpt2Tokenizer.Instance.Encode(novel.AsSpan(0, tokens * 8));
        return Gpt2Tokenizer.Instance.Decode(ids.AsSpan(0, tokens));
    }

    private static string[] Rows(string novel)
    {
        int[] ids = Gpt2Tokenizer.Instance.Encode(novel.AsSpan(0, 40_000));
        var rows = new List<string>();
        for (int i = 0, first = 0; i < RowCount; i++)
        {
            int length = 8 + (i * 37 % 93);
            rows.Add(Gpt2Tokenizer.Instance.Decode(ids.AsSpan(first, length)));
            first += length;
        }

        return [.. rows];
    }

    private sealed class Progress(Action report) : IProgress<EvaluationProgress>
    {
        public void Report(EvaluationProgress value) => report();
    }
}
