using System.Globalization;
using MLNet.Gpt.Benchmarks.Measurement;
using MLNet.Gpt.Benchmarks.Peers;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Kernels;

namespace MLNet.Gpt.Benchmarks;

/// <summary>
/// Shows where the time of decoding, prefill, loss and a training step goes, GPT-2, 124M parameters. What is computed
/// inside of something else (GELU while products leave the cache, softmax between the products of attention,
/// cross-entropy in the head) is timed by itself on the same shapes, and taken off what contains it.
/// </summary>
internal static class ProfileBenchmark
{
    public const string Name = "profile";

    private const int Rounds = 7;
    private const int DecodeTokens = 32;
    private const int PrefillTokens = 256;

    private const string Products = "products of the blocks", Head = "head", Attention = "attention's products", Softmax = "softmax",
        Gelu = "GELU", Norms = "norms", Embedding = "embedding", CrossEntropy = "cross-entropy",
        Optimizer = "optimizer", Rounding = "rounding to bytes", Other = "other regions", Between = "between regions";

    private static readonly string[] Parts =
    [
        Products, Head, Attention, Softmax, Gelu, Norms, Embedding, CrossEntropy, Optimizer, Rounding, Other, Between,
    ];

    /// <summary>Runs the command; returns the process's exit code.</summary>
    public static int Run(string[] arguments)
    {
        var precision = WeightPrecision.Float32;
        if (arguments.Length > 1 || (arguments.Length == 1 && !Enum.TryParse(arguments[0], ignoreCase: true, out precision)))
        {
            Console.Error.WriteLine($"Usage: {Name} [{string.Join('|', Enum.GetNames<WeightPrecision>())}]");
            return 2;
        }

        var columns = new List<(string Title, Dictionary<string, double> Seconds, double Whole)>();
        var weights = RandomWeights.Create(ModelFiles.Config);
        using (var engine = new EnginePeer(GptModel.FromWeights(weights, Gpt2Tokenizer.Instance, new() { Precision = precision })))
        using (var inner = new InnerKernels())
        {
            int[] positions = [.. Enumerable.Range(0, PeerWork.LossTokens)];
            columns.Add(Measure(
                "decode, per token", DecodeTokens, () => engine.Decode(DecodeTokens),
                new(Gelu, Products, () => Repeat(DecodeTokens, _ => inner.Gelu(1))),
                new(Softmax, Attention, () => Repeat(DecodeTokens, position => inner.OnlineSoftmax(positions.AsSpan(position, 1))))));
            columns.Add(Measure(
                $"prefill of {PrefillTokens}", 1, () => engine.Prefill(PeerWork.Ids[..PrefillTokens]),
                new(Gelu, Products, () => inner.Gelu(PrefillTokens)),
                new(Softmax, Attention, () => inner.OnlineSoftmax(positions.AsSpan(0, PrefillTokens)))));
            columns.Add(Measure(
                $"loss of {PeerWork.LossTokens}", 1, () => engine.Loss(PeerWork.Ids),
                new(Gelu, Products, () => inner.Gelu(PeerWork.LossTokens)),
                new(Softmax, Attention, () => inner.OnlineSoftmax(positions)),
                new(CrossEntropy, Head, () => inner.CrossEntropy(PeerWork.LossTokens))));
        }

        using (var engine = TrainingBenchmark.CreateEngine())
        using (var inner = new InnerKernels())
        {
            var batch = TrainingBenchmark.Batches(1)[0];
            columns.Add(Measure(
                $"training step of {batch.BatchSize} × {batch.Length}", 1, () => TrainingBenchmark.Step(engine, batch),
                new(Gelu, Products, () => inner.TrainGelu(batch.Inputs.Length)),
                new(Softmax, Attention, () => inner.TrainSoftmax(batch.BatchSize, batch.Length))));
        }

        Print(precision, columns);
        return 0;
    }

    private static (string Title, Dictionary<string, double> Seconds, double Whole) Measure(
        string title, int repetitions, Action pass, params InnerPart[] inner)
    {
        Console.Error.WriteLine($"{title} …");
        var profile = new RegionProfile(pass, PartOf);
        foreach (var part in inner) part.Run();
        var rounds = new List<(Dictionary<string, double> Parts, double Whole)>();
        for (int round = 0; round < Rounds; round++)
        {
            var (parts, whole) = profile.Run();
            parts[Between] = whole - parts.Values.Sum();
            foreach (var part in inner)
            {
                double seconds = Math.Min(Comparison.Seconds(part.Run), parts.GetValueOrDefault(part.Host));
                parts[part.Name] = parts.GetValueOrDefault(part.Name) + seconds;
                parts[part.Host] -= seconds;
            }

            rounds.Add((parts, whole));
        }

        double MedianOf(string part) => Comparison.Median(rounds.Select(round => round.Parts.GetValueOrDefault(part))) / repetitions;
        return (title, Parts.ToDictionary(part => part, MedianOf), Comparison.Median(rounds.Select(round => round.Whole)) / repetitions);
    }

    private static string PartOf(string place, Func<string, bool> isCaller) => place switch
    {
        "MatrixProduct.Quantize" => Rounding,
        "Linear.AddColumnSums" => Norms,
        "ForwardPass.Normalize" => Norms,
        "HeadLoss.Run" => CrossEntropy,
        "FeedForwardFunction.Differentiate" => Gelu,
        _ => place[..place.IndexOf('.', StringComparison.Ordinal)] switch
        {
            nameof(MatrixProduct) or nameof(BlockedProduct) => isCaller(nameof(Network.DecoderBlock)) ? Products : Head,
            nameof(Inference.Scorer) => Head,
            nameof(Inference.CachedAttention) or nameof(Numerics.Kernels.Attention) => Attention,
            nameof(Norm) => Norms,
            nameof(Numerics.Kernels.Embedding) => Embedding,
            nameof(Training.Engines.AdamW) => Optimizer,
            _ => Other,
        },
    };

    private static void Print(WeightPrecision precision, List<(string Title, Dictionary<string, double> Seconds, double Whole)> columns)
    {
        Console.WriteLine(
            $"GPT-2, 124M parameters, {precision} (training always Float32), on {Machine.Description}. "
            + $"Milliseconds, and percent of the whole; medians of {Rounds} rounds.");
        Console.WriteLine();
        Line("part", columns.Select(column => column.Title));
        Line("---", columns.Select(_ => "--:"));
        foreach (string part in Parts.Where(part => columns.Any(column => column.Seconds[part] > 0)))
        {
            Line(part, columns.Select(column => column.Seconds[part] > 0 ? Cell(column.Seconds[part], column.Whole) : ""));
        }

        Line("whole", columns.Select(column => Cell(column.Whole, column.Whole)));
    }

    private static string Cell(double seconds, double whole) => string.Create(
        CultureInfo.InvariantCulture, $"{1000 * seconds:F2} ({100 * seconds / whole:F1}%)");

    private static void Line(string first, IEnumerable<string> cells) => Console.WriteLine($"| {first} | {string.Join(" | ", cells)} |");

    private static void Repeat(int count, Action<int> body)
    {
        for (int i = 0; i < count; i++) body(i);
    }

    /// <summary>Work inside of a part that is timed by itself.</summary>
    private sealed record InnerPart(string Name, string Host, Action Run);
}
