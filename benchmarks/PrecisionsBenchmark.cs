using System.Globalization;
using LLama.Native;
using MLNet.Gpt.Benchmarks.Measurement;
using MLNet.Gpt.Benchmarks.Peers;
using MLNet.Gpt.Formats;
using Spectre.Console;

namespace MLNet.Gpt.Benchmarks;

/// <summary>
/// What each precision costs and gives: the bytes of the weights, the speed of decoding, the loss on a text that the model has not
/// seen, and how far the predictions diverge from those in single precision. Without a file, on a GPT-2 that it trains on Moby-Dick
/// for a minute: random weights have no structure that rounding could harm.
/// </summary>
internal static class PrecisionsBenchmark
{
    public const string Name = "precisions";

    private const int Rounds = 3;
    private const int DecodeTokens = 64;
    private const int HeldOutCharacters = 60_000;
    private static readonly TimeSpan TrainingTime = TimeSpan.FromMinutes(1);

    // A multiple of 256 wide, so that every type's blocks fit.
    private static readonly GptConfig Config = new()
    {
        VocabularySize = 1024, ContextLength = 256, EmbeddingWidth = 256, HeadCount = 4, LayerCount = 6, DropoutRate = 0,
    };

    /// <summary>Runs the command; returns the process's exit code.</summary>
    public static int Run(string[] arguments)
    {
        if (arguments.Length > 2)
        {
            Console.Error.WriteLine($"Usage: {Name} [model file [text file]]");
            return 2;
        }

        string novel = File.ReadAllText(
            arguments is [_, var text] ? text : Path.Combine(AppContext.BaseDirectory, "Data", "moby-dick.txt"));
        string heldOut = novel[^Math.Min(HeldOutCharacters, novel.Length)..];
        var folder = Directory.CreateTempSubdirectory("mlnet-gpt-precisions-");
        try
        {
            Measure(arguments is [var file, ..] ? file : Train(novel[..^heldOut.Length], folder.FullName), heldOut, folder.FullName);
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        return 0;
    }

    private static void Measure(string path, string text, string folder)
    {
        string gguf = Path.Combine(folder, "f32.gguf"), q8 = Path.Combine(folder, "q8_0.gguf");
        using (var file = GptModelFile.Open(path))
        {
            GptModelExporter.Export(gguf, file, file.Tokenizer);
            GptModelExporter.Export(q8, file, file.Tokenizer, new() { DataType = TensorDataType.Q8_0 });
        }

        var models = new List<(string Name, GptModel Model)>();
        foreach (var precision in Enum.GetValues<WeightPrecision>())
        {
            models.Add(($"{precision}", GptModel.Load(gguf, new() { Precision = precision })));
        }

        models.Add(("GGUF Q8_0 at Int8", GptModel.Load(q8, new() { Precision = WeightPrecision.Int8 })));
        AddQuantized("Q4_0", LLamaFtype.MOSTLY_Q4_0, WeightPrecision.Int4);
        AddQuantized("Q4_1", LLamaFtype.MOSTLY_Q4_1, WeightPrecision.Int4);
        AddQuantized("Q4_K", LLamaFtype.MOSTLY_Q4_K_S, WeightPrecision.Int4);
        AddQuantized("Q6_K", LLamaFtype.MOSTLY_Q6_K, WeightPrecision.Int8);
        Print(models, text);
        CompareSpeed(models[0].Model, models[(int)WeightPrecision.Int8].Model, text);
        foreach (var (_, model) in models) model.Dispose();

        void AddQuantized(string type, LLamaFtype format, WeightPrecision precision)
        {
            string target = Path.Combine(folder, $"{type}.gguf");
            LlamaPeer.Quantize(gguf, target, format);
            models.Add(($"GGUF {type} at {precision}", GptModel.Load(target, new() { Precision = precision })));
        }
    }

    private static void Print(List<(string Name, GptModel Model)> models, string text)
    {
        var reference = models[0].Model;
        var speeds = Comparison.Run(
            Rounds, [.. models.Select(each => new Contender(each.Name, DecodeTokens, () => Decode(each.Model)))]);
        var corpus = Corpus.FromTexts([text]);
        var rows = new List<string>();
        for (int i = 0; i < models.Count; i++)
        {
            var (name, model) = models[i];
            var divergence = new DivergenceEvaluator(reference, model).Evaluate(corpus);
            rows.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"| {name} | {model.WeightBytes / 1e6:F2} | {speeds[i].RatioTo(speeds[0]):F2} | {divergence.Model.CrossEntropy:F4} | "
                + $"{divergence.Mean.Value:F6} ± {divergence.Mean.StandardError:F6} | {divergence.Quantile(0.99):F5} | "
                + $"{divergence.Maximum:F5} | {100 * divergence.SameTop.Value:F2} % |"));
            if (i > 0) continue;
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{reference}, on {Machine.Description}; {divergence.TokenCount:N0} tokens; "
                + $"decoding at Float32 {speeds[0].Median:F0} tokens/s"));
        }

        // As Markdown, for documentation.
        Console.WriteLine("| precision | MB | × speed of Float32 | cross-entropy | KL divergence | 99 % | maximum | same top token |");
        Console.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        foreach (string row in rows) Console.WriteLine(row);
    }

    // One pass over both models beside scoring each by itself.
    private static void CompareSpeed(GptModel reference, GptModel model, string text)
    {
        var corpus = Corpus.FromTexts([text]);
        long tokens = new CorpusEvaluator(model).Evaluate(corpus).Metrics.TokenCount;
        Report.Print(
            "Float32 beside Int8, the whole text",
            "tokens/s",
            Comparison.Run(
                3,
                new("scoring each by itself", tokens, () =>
                {
                    new CorpusEvaluator(reference).Evaluate(corpus);
                    new CorpusEvaluator(model).Evaluate(corpus);
                }),
                new("comparing them", tokens, () => new DivergenceEvaluator(reference, model).Evaluate(corpus))));
    }

    private static void Decode(GptModel model)
    {
        using var session = model.CreateSession();
        session.Append([1]);
        for (int i = 0; i < DecodeTokens; i++)
        {
            var logits = session.NextLogits;
            int next = 0;
            for (int id = 1; id < logits.Length; id++) next = logits[id] > logits[next] ? id : next;
            session.Append([next]);
        }
    }

    private static string Train(string text, string folder)
    {
        // A vocabulary that a minute's training can fill.
        var tokenizer = BytePairTrainer.FromTexts([text], Config.VocabularySize);
        int[] ids = tokenizer.Encode(text);
        var data = new TrainingData(new TokenWindows(ids, Config.ContextLength), null);
        AnsiConsole.WriteLine($"Training {Config.ParameterCount / 1e6:F1}M parameters for {TrainingTime.TotalSeconds:F0} s …");
        var trained = WeightInitializer.Create(Config, seed: 1).Train(
            data, new() { Epochs = 1000, BatchSize = 8, LearningRate = 2e-3, WarmUpSteps = 20, MaxDuration = TrainingTime });
        string path = Path.Combine(folder, "trained.safetensors");
        GptCheckpoint.Save(path, trained.Weights, tokenizer);
        return path;
    }
}
