using System.Globalization;
using MLNet.Gpt.Benchmarks.Baselines;
using MLNet.Gpt.Benchmarks.Measurement;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Inference;
using Spectre.Console;
using TorchSharp;

namespace MLNet.Gpt.Benchmarks;

/// <summary>
/// Compares the engine at each precision with a plain TorchSharp model that has its own KV cache: decoding, prefill,
/// concurrent sessions, per-token loss, time to the first token, memory. The machine's limits are measured in the same
/// run.
/// </summary>
internal static class InferenceBenchmark
{
    private const int Rounds = 5;
    private const int DecodeTokens = 32;
    private const int PrefillTokens = 256;

    private static readonly WeightPrecision[] Precisions = Enum.GetValues<WeightPrecision>();

    public static void Run()
    {
        double bandwidth = MachineLimits.ReadBandwidth(), multiplyAdd = MachineLimits.MultiplyAddRate();
        AnsiConsole.MarkupLine(
            $"This machine: {Environment.ProcessorCount} cores, reads {Gigas(bandwidth)} GB/s, "
            + $"multiplies {Gigas(multiplyAdd)} GFLOP/s (f32). Model: GPT-2, 124M parameters.");

        var weights = RandomWeights.Create(GptPresets.Gpt2Small);
        using var baseline = new TorchGpt(weights);
        var models = Precisions.ToDictionary(
            precision => $"{precision}",
            precision => GptModel.FromWeights(weights, Gpt2Tokenizer.Instance, new() { Precision = precision }));
        models.Add("Int8 of Q8_0", LoadBlocks(weights));
        using var noGradients = torch.no_grad();

        Decode(baseline, models, weights.Config, bandwidth);
        Prefill(baseline, models, weights.Config, multiplyAdd);
        Loss(baseline, models, weights.Config);
        ManySessions(models[nameof(WeightPrecision.Float32)]);
        foreach (var model in models.Values) model.Dispose();
        FirstToken(weights);
    }

    private static void Decode(TorchGpt baseline, Dictionary<string, GptModel> models, GptConfig config, double bandwidth)
    {
        var contenders = new List<Contender> { new("TorchSharp, KV cache", DecodeTokens, () => TorchDecode(baseline, config)) };
        foreach (var (name, model) in models) contenders.Add(new($"MLNet.Gpt {name}", DecodeTokens, () => EngineDecode(model)));
        var rows = Comparison.Run(Rounds, [.. contenders]);
        Report.Print($"Decoding {DecodeTokens} tokens, one session", "tokens/s", rows);

        // Each token reads every matrix once; the position embedding and the token's own row are negligible.
        double bytes = 4.0 * (config.ParameterCount - ((long)config.ContextLength * config.EmbeddingWidth));
        double fraction = rows[1].Fastest * bytes / bandwidth;
        AnsiConsole.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"f32 decoding reads weights at {fraction:P0} of the memory's measured bandwidth (fastest round)."));
    }

    private static void Prefill(TorchGpt baseline, Dictionary<string, GptModel> models, GptConfig config, double multiplyAdd)
    {
        int[] ids = LectureBenchmark.Ids(PrefillTokens, config.VocabularySize);
        using var tensor = torch.tensor(ids, torch.ScalarType.Int64).view(1, PrefillTokens);
        var contenders = new List<Contender>
        {
            new("TorchSharp, KV cache", PrefillTokens, () =>
            {
                using var scope = torch.NewDisposeScope();
                using var cache = new TorchKvCache(config.LayerCount);
                baseline.Step(tensor, cache);
            }),
        };
        foreach (var (name, model) in models)
        {
            contenders.Add(new($"MLNet.Gpt {name}", PrefillTokens, () =>
            {
                using var session = model.CreateSession();
                session.Append(ids);
            }));
        }

        var rows = Comparison.Run(Rounds, [.. contenders]);
        Report.Print($"Prefill of {PrefillTokens} tokens, logits of the last", "tokens/s", rows);

        // Two operations per weight and token, only in the blocks: the head processes one token.
        double operations = 2.0 * 12 * config.LayerCount * config.EmbeddingWidth * config.EmbeddingWidth;
        double fraction = rows[1].Fastest * operations / multiplyAdd;
        AnsiConsole.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"f32 prefill multiplies at {fraction:P0} of the measured peak, not counting attention and the rest (fastest round)."));
    }

    private static void Loss(TorchGpt baseline, Dictionary<string, GptModel> models, GptConfig config)
    {
        const int Tokens = 512;
        int[] ids = LectureBenchmark.Ids(Tokens + 1, config.VocabularySize);
        using var inputs = torch.tensor(ids[..^1], torch.ScalarType.Int64).view(1, Tokens);
        using var targets = torch.tensor(ids[1..], torch.ScalarType.Int64).view(1, Tokens);
        var contenders = new List<Contender> { new("TorchSharp", Tokens, () => baseline.Loss(inputs, targets)) };
        foreach (var (name, model) in models)
        {
            contenders.Add(new(
                $"MLNet.Gpt {name}", Tokens, () => model.Score(ids.AsSpan(0, Tokens), ids.AsSpan(1), [Tokens], new TokenScore[Tokens])));
        }

        Report.Print($"Loss of every token of {Tokens}", "tokens/s", Comparison.Run(Rounds, [.. contenders]));
    }

    private static void ManySessions(GptModel model)
    {
        const int Sessions = 16, Steps = 16;
        Report.Print(
            $"Decoding {Sessions} sessions at once, f32, against one",
            "tokens/s",
            Comparison.Run(
                Rounds,
                new("one session", Steps, () => EngineDecode(model, Steps)),
                new($"{Sessions} sessions, one after the other", Sessions * Steps, () =>
                {
                    for (int i = 0; i < Sessions; i++) EngineDecode(model, Steps);
                }),
                new($"{Sessions} sessions at once", Sessions * Steps, () => DecodeTogether(model, Sessions, Steps))));
    }

    private static void FirstToken(IWeightSource weights)
    {
        string path = Path.Combine(Path.GetTempPath(), $"mlnet-gpt-benchmark-{Environment.ProcessId}.safetensors");
        try
        {
            GptCheckpoint.Save(path, weights, Gpt2Tokenizer.Instance);
            var contenders =
                Precisions.Select(precision => new Contender($"MLNet.Gpt {precision}", 1, () => LoadAndPredict(path, precision)));
            var rows = Comparison.Run(Rounds, [.. contenders]);
            AnsiConsole.WriteLine();
            foreach (var (row, precision) in rows.Zip(Precisions))
            {
                AnsiConsole.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{row.Name}: from an f32 file (warm) to the first token in {1000 / row.Median:F0} ms; "
                    + $"weights in memory {WeightBytes(path, precision) / 1e6:F0} MB."));
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    // The same weights as a Q8_0 file stores them.
    private static GptModel LoadBlocks(GptWeights weights)
    {
        string path = Path.Combine(Path.GetTempPath(), $"mlnet-gpt-benchmark-{Environment.ProcessId}.gguf");
        try
        {
            GptModelExporter.Export(path, weights, tokenizer: null, new() { DataType = TensorDataType.Q8_0 });
            return GptModel.Load(path, new() { Precision = WeightPrecision.Int8 });
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void LoadAndPredict(string path, WeightPrecision precision)
    {
        using var model = GptModel.Load(path, new() { Precision = precision });
        using var session = model.CreateSession();
        session.Append([6109, 3626, 6100]); // "Every effort moves"
    }

    private static long WeightBytes(string path, WeightPrecision precision)
    {
        using var model = GptModel.Load(path, new() { Precision = precision });
        return model.WeightBytes;
    }

    private static void TorchDecode(TorchGpt model, GptConfig config)
    {
        using var scope = torch.NewDisposeScope();
        using var cache = new TorchKvCache(config.LayerCount);
        var next = torch.tensor((long[])[50256]).view(1, 1);
        for (int i = 0; i < DecodeTokens; i++) next = model.Step(next, cache).argmax(-1, keepdim: true);
    }

    private static void EngineDecode(GptModel model, int tokens = DecodeTokens)
    {
        using var session = model.CreateSession();
        int next = 50256;
        for (int i = 0; i < tokens; i++) next = ArgMax(session.Append([next]));
    }

    private static void DecodeTogether(GptModel model, int count, int steps)
    {
        var sessions = Enumerable.Range(0, count).Select(_ => model.CreateSession()).ToArray();
        int[] next = [.. Enumerable.Range(0, count)];
        for (int step = 0; step < steps; step++)
        {
            model.Step(sessions, next);
            for (int i = 0; i < count; i++) next[i] = ArgMax(sessions[i].Logits);
        }

        foreach (var session in sessions) session.Dispose();
    }

    private static int ArgMax(ReadOnlySpan<float> logits) => System.Numerics.Tensors.TensorPrimitives.IndexOfMax(logits);

    private static string Gigas(double value) => (value / 1e9).ToString("F0", CultureInfo.InvariantCulture);
}
