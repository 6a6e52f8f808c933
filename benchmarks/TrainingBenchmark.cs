using System.Globalization;
using MLNet.Gpt.Benchmarks.Measurement;
using MLNet.Gpt.Data;
using MLNet.Gpt.TorchSharp;
using MLNet.Gpt.Training.Engines;
using Spectre.Console;
using TorchSharp;

namespace MLNet.Gpt.Benchmarks;

/// <summary>
/// Compares training steps of GPT-2, 124M parameters, batches of 4 × 256 tokens of Moby-Dick, f32: the managed engine and
/// the plain TorchSharp loop (forward, <c>cross_entropy</c>, <c>backward</c>, <c>AdamW.step</c>). The losses of both
/// are printed side by side; dropout is off, so that they are comparable.
/// </summary>
internal static class TrainingBenchmark
{
    /// <summary>
    /// The arguments with which the program starts itself to measure memory: this, then the contender.
    /// </summary>
    public const string MemoryArgument = "--training-memory";

    /// <summary>What is measured.</summary>
    public const string Title = "training steps of 4 × 256, tokens/s";

    /// <summary>The learning rate of every step.</summary>
    public const double LearningRate = 4e-4;

    private const int Rounds = 5;
    private const int BatchSize = 4;
    private const int Tokens = 256;
    private const int StepsForMemory = 2;
    private const double WeightDecay = 0.1;

    public static readonly GptConfig Config = GptPresets.Gpt2Small with { DropoutRate = 0 };

    public static void Run()
    {
        List<double> losses = [], baselineLosses = [];
        Report.Print(
            $"Training steps of {BatchSize} × {Tokens} tokens, GPT-2 124M, f32", "tokens/s", Compare(Rounds, baselineLosses, losses));
        PrintLosses(baselineLosses, losses);
        foreach (string contender in (string[])["torch", "managed"])
        {
            AnsiConsole.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"Peak memory of a process that takes {StepsForMemory} steps, {contender}: "
                + $"{PeakMemory.Of(MemoryArgument, contender) / 1e9:F2} GB"));
        }
    }

    /// <summary>Compares the two, and further contenders that follow them, and collects the losses.</summary>
    public static IReadOnlyList<ComparisonRow> Compare(
        int rounds, List<double> baselineLosses, List<double> losses, params ReadOnlySpan<Contender> others)
    {
        var batches = Batches(rounds + 1);
        using var baseline = new TorchLoop();
        using var engine = CreateEngine();
        return Comparison.Run(
            rounds,
            [
                new("TorchSharp, the plain loop", BatchSize * Tokens, () =>
                {
                    baselineLosses.Add(baseline.Step(batches[baselineLosses.Count]));
                }),
                new("MLNet.Gpt, managed engine", BatchSize * Tokens, () => losses.Add(Step(engine, batches[losses.Count]))),
                .. others,
            ]);
    }

    /// <summary>Takes some steps and writes the process's peak memory to standard output: the work of the other process.</summary>
    public static void MeasureMemory(string contender)
    {
        var batches = Batches(StepsForMemory);
        if (contender == "torch")
        {
            LibTorch.EnsureLoaded();
            using var baseline = new TorchLoop();
            for (int i = 0; i < StepsForMemory; i++) baseline.Step(batches[i]);
        }
        else
        {
            using var engine = CreateEngine();
            for (int i = 0; i < StepsForMemory; i++) Step(engine, batches[i]);
        }

        PeakMemory.Print();
    }

    public static ManagedEngine CreateEngine() => new(new DrawnWeights(Config), new() { WeightDecay = WeightDecay });

    /// <summary>Takes a training step.</summary>
    public static double Step(ITrainableNetwork engine, TokenBatch batch)
    {
        double loss = engine.Accumulate(batch, 1);
        engine.Update(LearningRate);
        return loss;
    }

    /// <summary>Returns batches of 4 × 256 tokens.</summary>
    public static TokenBatch[] Batches(int count)
    {
        string text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Data", "moby-dick.txt"));
        int[] ids = Gpt2Tokenizer.Instance.Encode(text.AsSpan(0, 60_000));
        return [.. new TokenBatches(new TokenWindows(ids, Tokens), BatchSize).InOrder().Take(count)];
    }

    private static void PrintLosses(List<double> baseline, List<double> ours)
    {
        var table = new Table().Title("Losses before each step").Border(TableBorder.Simple);
        table.AddColumns("step", "TorchSharp", "MLNet.Gpt", "difference");
        for (int i = 0; i < ours.Count; i++)
        {
            table.AddRow(Text(i + 1, "F0"), Text(baseline[i], "F6"), Text(ours[i], "F6"), Text(ours[i] - baseline[i], "E1"));
        }

        AnsiConsole.Write(table);
    }

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    /// <summary>The usual TorchSharp loop.</summary>
    private sealed class TorchLoop : IDisposable
    {
        private readonly GptModule _module = GptModule.FromWeights(new DrawnWeights(Config));
        private readonly global::TorchSharp.Modules.AdamW _optimizer;

        public TorchLoop() => _optimizer = torch.optim.AdamW(_module.parameters(), lr: LearningRate, weight_decay: WeightDecay);

        public double Step(TokenBatch batch)
        {
            using var scope = torch.NewDisposeScope();
            var inputs = torch.tensor(batch.Inputs, [batch.BatchSize, batch.Length], dtype: torch.ScalarType.Int64);
            var targets = torch.tensor(batch.Targets, dtype: torch.ScalarType.Int64);
            _optimizer.zero_grad();
            var loss = torch.nn.functional.cross_entropy(_module.call(inputs).flatten(0, 1), targets);
            loss.backward();
            _optimizer.step();
            return loss.item<float>();
        }

        public void Dispose()
        {
            _optimizer.Dispose();
            _module.Dispose();
        }
    }
}
