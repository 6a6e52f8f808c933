using System.Globalization;
using MLNet.Gpt.Benchmarks.Measurement;
using MLNet.Gpt.Benchmarks.Peers;
using MLNet.Gpt.Formats;
using Spectre.Console;

namespace MLNet.Gpt.Benchmarks;

/// <summary>
/// Decoding while another program keeps one core busy: speed should fall by that core's share and not collapse, and a team
/// of threads should not be slower than one thread.
/// </summary>
internal static class BusyMachineBenchmark
{
    private const int Rounds = 5;
    private const int Tokens = 16;

    public static void Run()
    {
        var weights = RandomWeights.Create(GptPresets.Gpt2Small);
        string folder = Directory.CreateTempSubdirectory("mlnet-gpt-busy-").FullName;
        try
        {
            string gguf = Path.Combine(folder, "f32.gguf");
            GptModelExporter.Export(gguf, weights, Gpt2Tokenizer.Instance);
            using Peer llama = new LlamaPeer(gguf), team = Load(null), single = Load(1);
            string threads = $"{Environment.ProcessorCount} threads";
            Print(
                ($"LLamaSharp F32, {threads}", llama),
                ($"MLNet.Gpt Float32, {threads}", team),
                ("MLNet.Gpt Float32, 1 thread", single));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        Peer Load(int? threadCount) =>
            new EnginePeer(GptModel.FromWeights(weights, Gpt2Tokenizer.Instance, new() { ThreadCount = threadCount }));
    }

    private static void Print(params ReadOnlySpan<(string Name, Peer Peer)> contenders)
    {
        var runs = new Timing[contenders.Length, 3, Rounds];
        foreach (var (_, peer) in contenders) peer.Decode(Tokens);
        for (int round = 0; round < Rounds; round++)
        {
            Measure(contenders, runs, 0, round);
            using (Burner.Start(1)) Measure(contenders, runs, 1, round);
            using (Burner.Start(1, isPinned: true)) Measure(contenders, runs, 2, round);
        }

        var table = new Table().Border(TableBorder.Simple).Title("Decoding alone, and beside a program that keeps one core busy");
        table.AddColumns("contender", "alone, tokens/s", "busy ÷ alone", "busy, pinned ÷ alone", "processor time per token, ms", "busy");
        for (int column = 1; column < table.Columns.Count; column++) table.Columns[column].RightAligned();
        for (int i = 0; i < contenders.Length; i++)
        {
            var (alone, busy, pinned) = (RunsOf(runs, i, 0), RunsOf(runs, i, 1), RunsOf(runs, i, 2));
            table.AddRow(
                contenders[i].Name, Report.Number(Comparison.Median(alone.Select(run => Tokens / run.Seconds))), Ratio(alone, busy),
                Ratio(alone, pinned), ProcessorTime(alone), ProcessorTime(busy));
        }

        AnsiConsole.Write(table);
    }

    private static void Measure(ReadOnlySpan<(string Name, Peer Peer)> contenders, Timing[,,] runs, int condition, int round)
    {
        for (int i = 0; i < contenders.Length; i++)
        {
            var peer = contenders[i].Peer;
            peer.Decode(Tokens / 4); // what a thread does in the first moments depends on what it did before
            var before = Environment.CpuUsage.TotalTime;
            double seconds = Comparison.Seconds(() => peer.Decode(Tokens));
            runs[i, condition, round] = new(seconds, (Environment.CpuUsage.TotalTime - before).TotalSeconds);
        }
    }

    private static Timing[] RunsOf(Timing[,,] runs, int contender, int condition) =>
        [.. Enumerable.Range(0, Rounds).Select(round => runs[contender, condition, round])];

    private static string Ratio(Timing[] alone, Timing[] busy)
    {
        double[] ratios = [.. alone.Zip(busy, (a, b) => a.Seconds / b.Seconds)];
        return string.Create(
            CultureInfo.InvariantCulture, $"{Comparison.Median(ratios):F2} ({ratios.Min():F2}–{ratios.Max():F2})");
    }

    private static string ProcessorTime(Timing[] runs) =>
        Report.Number(Comparison.Median(runs.Select(run => 1000 * run.Processor / Tokens)));

    private readonly record struct Timing(double Seconds, double Processor);
}
