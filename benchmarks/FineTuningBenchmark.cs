using System.Globalization;
using MLNet.Gpt.Benchmarks.Baselines;
using MLNet.Gpt.Benchmarks.Measurement;
using MLNet.Gpt.Data;
using MLNet.Gpt.TorchSharp;
using Spectre.Console;
using TorchSharp;

namespace MLNet.Gpt.Benchmarks;

/// <summary>
/// Compares training adapters with training all weights, of GPT-2, 124M parameters, batches of 4 × 256 tokens of Moby-Dick, f32:
/// speed and peak memory of the managed engine, and of a plain TorchSharp loop that trains the same adapters.
/// </summary>
internal static class FineTuningBenchmark
{
    /// <summary>
    /// The arguments with which the program starts itself to measure memory: this, then the contender.
    /// </summary>
    public const string MemoryArgument = "--fine-tuning-memory";

    private const string TorchLoop = "TorchSharp, the plain loop, adapters", Adapters = "MLNet.Gpt, adapters",
        AllWeights = "MLNet.Gpt, all weights";

    private const int Rounds = 5;
    private const int StepsForMemory = 2;

    // Adapters on every linear layer of the blocks.
    private static readonly LoraOptions Lora = new() { Rank = 16, Alpha = 16 };

    private static readonly TrainingOptions Options = new();

    public static void Run()
    {
        var batches = TrainingBenchmark.Batches(Rounds + 1);
        var losses = new Dictionary<string, List<double>>();
        var steps = new Dictionary<string, (Func<TokenBatch, double> Step, IDisposable Network)>();
        foreach (string name in (string[])[TorchLoop, Adapters, AllWeights]) (steps[name], losses[name]) = (Create(name), []);
        Report.Print(
            $"Training steps of {batches[0].BatchSize} × {batches[0].Length} tokens, GPT-2 124M, f32, rank {Lora.Rank}",
            "tokens/s",
            Comparison.Run(Rounds, [.. steps.Select(each => new Contender(
                each.Key, batches[0].RowCount, () => losses[each.Key].Add(each.Value.Step(batches[losses[each.Key].Count]))))]));
        foreach (var (name, (_, network)) in steps)
        {
            network.Dispose();
            AnsiConsole.WriteLine($"{name}: losses {string.Join(", ", losses[name].Select(loss => Text(loss, "F6")))}");
        }

        foreach (string name in steps.Keys)
        {
            AnsiConsole.WriteLine(
                $"Peak memory of a process that takes {StepsForMemory} steps, {name}: "
                + $"{Text(PeakMemory.Of(MemoryArgument, name) / 1e9, "F2")} GB");
        }
    }

    /// <summary>Takes some steps and writes the process's peak memory to standard output: the work of the other process.</summary>
    public static void MeasureMemory(string contender)
    {
        if (contender == TorchLoop) LibTorch.EnsureLoaded();
        var batches = TrainingBenchmark.Batches(StepsForMemory);
        var (step, network) = Create(contender);
        foreach (var batch in batches) step(batch);
        network.Dispose();
        PeakMemory.Print();
    }

    private static (Func<TokenBatch, double> Step, IDisposable Network) Create(string contender)
    {
        var weights = new DrawnWeights(TrainingBenchmark.Config);
        if (contender == TorchLoop)
        {
            var peer = new TorchLora(weights, Lora, TrainingBenchmark.LearningRate, Options.WeightDecay);
            return (batch => Step(peer, batch), peer);
        }

        var options = contender == Adapters ? Options with { Lora = Lora } : Options;
        var network = options.Engine.CreateNetwork(weights, options);
        return (batch => TrainingBenchmark.Step(network, batch), network);
    }

    private static double Step(TorchLora peer, TokenBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        long[] shape = [batch.BatchSize, batch.Length];
        var inputs = torch.tensor(batch.Inputs, shape, dtype: torch.ScalarType.Int64);
        return peer.Step(inputs, torch.tensor(batch.Targets, shape, dtype: torch.ScalarType.Int64));
    }

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
