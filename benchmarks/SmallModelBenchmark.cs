using System.Globalization;
using MLNet.Gpt.Benchmarks.Measurement;
using MLNet.Gpt.Inference;
using Spectre.Console;

namespace MLNet.Gpt.Benchmarks;

/// <summary>
/// One thread against all, with models down to a few thousand parameters and short texts, alone and beside other programs:
/// more threads must never be slower.
/// </summary>
internal static class SmallModelBenchmark
{
    private const int Rounds = 7;
    private const double SecondsPerRun = 0.08;
    private const int TokensPerText = 10;

    public static void Run()
    {
        int cores = Environment.ProcessorCount;
        var table = new Table().Border(TableBorder.Simple)
            .Title($"Speed of {cores} threads divided by that of 1, and the processor time for the same work");
        table.AddColumns("weights", "work", "tokens/s of 1", "alone", "1 core busy", $"{cores} cores busy", "time");
        for (int column = 2; column < table.Columns.Count; column++) table.Columns[column].RightAligned();
        var tiny = GptPresets.Tiny with { ContextLength = 64, VocabularySize = 512 };
        Add(table, tiny, texts: 100, decodedTokens: 16);
        Add(table, tiny with { EmbeddingWidth = 128 }, texts: 100, decodedTokens: 16);
        Add(table, tiny with { EmbeddingWidth = 256, LayerCount = 4, VocabularySize = 4096 }, texts: 100, decodedTokens: 16);
        Add(table, GptPresets.Gpt2Small, texts: 8, decodedTokens: 3);
        AnsiConsole.Write(table);
    }

    private static void Add(Table table, GptConfig config, int texts, int decodedTokens)
    {
        var weights = RandomWeights.Create(config);
        var tokenizer = new WordTokenizer(Enumerable.Range(0, config.VocabularySize).Select(id => $"w{id}"));
        using var single = GptModel.FromWeights(weights, tokenizer, new() { ThreadCount = 1 });
        using var team = GptModel.FromWeights(weights, tokenizer);
        int[] ids = LectureBenchmark.Ids(TokensPerText * texts, config.VocabularySize);
        Compare("decode", decodedTokens, model => Decode(model, ids.AsSpan(0, decodedTokens)));
        Compare("loss of a text", TokensPerText, model => Score(model, ids.AsSpan(0, TokensPerText)));
        Compare("loss of texts", ids.Length, model => Score(model, ids));

        void Compare(string name, int tokens, Action<GptModel> work)
        {
            work(single);
            work(team);
            int repetitions = 1;
            while (Comparison.Seconds(() => Repeat(single)) < SecondsPerRun / 2) repetitions *= 2;
            var alone = Measure(0);
            var row = new List<string>
            {
                Thousands(config.ParameterCount), name,
                Report.Number(tokens * repetitions / alone.Seconds), alone.Ratio,
            };
            row.Add(Measure(1).Ratio);
            row.Add(Measure(Environment.ProcessorCount).Ratio);
            row.Add(alone.ProcessorTime);
            table.AddRow([.. row]);

            void Repeat(GptModel model)
            {
                for (int i = 0; i < repetitions; i++) work(model);
            }

            (string Ratio, double Seconds, string ProcessorTime) Measure(int burners)
            {
                using var burning = Burner.Start(burners);
                double[] one = new double[Rounds], ratios = new double[Rounds], processor = new double[Rounds];
                for (int round = -2; round < Rounds; round++)
                {
                    // In turn, so that neither always comes first.
                    bool teamFirst = (round & 1) == 0;
                    var (a, aTime) = Timed(teamFirst ? team : single);
                    var (b, bTime) = Timed(teamFirst ? single : team);
                    if (round < 0) continue;
                    one[round] = teamFirst ? b : a;
                    ratios[round] = teamFirst ? b / a : a / b;
                    processor[round] = teamFirst ? aTime / bTime : bTime / aTime;
                }

                return (
                    $"{Format(Comparison.Median(ratios))} ({Format(ratios.Min())}–{Format(ratios.Max())})",
                    Comparison.Median(one), Format(Comparison.Median(processor)));
            }

            (double Seconds, double ProcessorTime) Timed(GptModel model)
            {
                Thread.Sleep(5); // so that no thread of the run before still spins
                var before = Environment.CpuUsage.TotalTime;
                double elapsed = Comparison.Seconds(() => Repeat(model));
                return (elapsed, (Environment.CpuUsage.TotalTime - before).TotalSeconds);
            }
        }
    }

    private static string Thousands(long count) => string.Create(CultureInfo.InvariantCulture, $"{count / 1e3:N0}k");

    private static string Format(double ratio) => ratio.ToString("F2", CultureInfo.InvariantCulture);

    private static void Decode(GptModel model, ReadOnlySpan<int> ids)
    {
        using var session = model.CreateSession();
        foreach (int id in ids) session.Append([id]);
    }

    private static void Score(GptModel model, ReadOnlySpan<int> ids)
    {
        int[] lengths = new int[ids.Length / TokensPerText];
        Array.Fill(lengths, TokensPerText);
        model.Score(ids, ids, lengths, new TokenScore[ids.Length]);
    }
}
