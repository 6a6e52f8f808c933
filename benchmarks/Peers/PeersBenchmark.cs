using System.Diagnostics;
using System.Globalization;
using MLNet.Gpt.Benchmarks.Measurement;
using MLNet.Gpt.TorchSharp;

namespace MLNet.Gpt.Benchmarks.Peers;

/// <summary>
/// Compares the engine with what one would use instead (llama.cpp, ONNX Runtime, libtorch), each at every precision that
/// it offers, on the same weights, and with the machine's limits. All contenders take turns, round by round.
/// </summary>
internal sealed class PeersBenchmark
{
    public const string Name = "peers";

    /// <summary>
    /// The arguments with which the program starts itself to measure memory: this, the folder of files and the kind's name.
    /// </summary>
    public const string MemoryArgument = "--peer-memory";

    private const string Usage =
        $"""
        Usage: {Name} [--works NAME,NAME…] [--bits N,N…] [--json FILE] [--preset NAME] [--quick] [--avx2]
          --works  only these of: {WorkNames}
          --bits   only models of so many bits per weight, of: {AllBits} (6 and 5, llama.cpp's Q6_K and Q4_K_M, only on request)
          --json   also writes the figures to a file
          --preset another decoder, such as smollm2-135m, which only LLamaSharp runs as well
          --quick  two rounds instead of five
          --avx2   all libraries that can be told so do without AVX-512
        """;

    private const string WorkNames = "decode, prefill, loss, sessions, load, memory, training";

    private const string AllBits = "32, 16, 8, 4, 6, 5";

    private const string DotnetSwitch = "DOTNET_EnableAVX512";

    // What keeps each library from using AVX-512; llama.cpp's is chosen by what .NET may use, and ONNX Runtime has no switch.
    private static readonly Dictionary<string, string> WithoutAvx512 = new()
    {
        [DotnetSwitch] = "0",
        ["ATEN_CPU_CAPABILITY"] = "avx2",
        ["ONEDNN_MAX_CPU_ISA"] = "AVX2",
        ["MKL_ENABLE_INSTRUCTIONS"] = "AVX2",
    };

    private readonly List<PeerResult> _results = [];
    private readonly List<double> _bandwidths = [], _multiplyAddRates = [];
    private readonly Dictionary<string, double> _losses = [];
    private int _rounds = 5;
    private string[] _bits = AllBits.Split(", ")[..4];

    /// <summary>Whether this process was started by --avx2.</summary>
    public static bool AvoidsAvx512 => Environment.GetEnvironmentVariable(DotnetSwitch) == "0";

    /// <summary>Runs the command; returns the process's exit code.</summary>
    public static int Run(string[] arguments)
    {
        string[] works = WorkNames.Split(", ");
        string? json = null;
        var benchmark = new PeersBenchmark();
        for (int i = 0; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "--avx2":
                    return Restart([Name, .. arguments.Where(argument => argument != "--avx2")]);
                case "--quick":
                    benchmark._rounds = 2;
                    break;
                case "--json" when i + 1 < arguments.Length:
                    json = arguments[++i];
                    break;
                case "--preset" when i + 1 < arguments.Length && GptPresets.All.TryGetValue(arguments[i + 1], out var preset):
                    ModelFiles.Use(preset);
                    i++;
                    break;
                case "--works" when i + 1 < arguments.Length && arguments[i + 1].Split(',').All(works.Contains):
                    works = arguments[++i].Split(',');
                    break;
                case "--bits" when i + 1 < arguments.Length && arguments[i + 1].Split(',').All(AllBits.Split(", ").Contains):
                    benchmark._bits = arguments[++i].Split(',');
                    break;
                default:
                    Console.Error.WriteLine(Usage);
                    return 2;
            }
        }

        LibTorch.EnsureLoaded();
        benchmark.Measure(ModelFiles.Write(hasKTypes: benchmark._bits.Intersect(["6", "5"]).Any()), works);
        var table = new PeerTable(
            benchmark._results, benchmark._losses, Comparison.Median(benchmark._bandwidths), Comparison.Median(benchmark._multiplyAddRates),
            benchmark._rounds);
        table.Print();
        if (json is not null) table.WriteJson(json);
        return 0;
    }

    /// <summary>
    /// Measures the loss of a text and writes the process's peak memory to standard output: the work of the other process.
    /// </summary>
    public static void MeasureMemory(string folder, string kind)
    {
        using (var peer = Kinds(new(folder)).Single(each => each.Name == kind).Load()) peer.Loss(PeerWork.Ids);
        PeakMemory.Print();
    }

    private static PeerKind[] Kinds(ModelFiles files) =>
        ModelFiles.Config.Architecture == "gpt2"
            ? [.. LlamaPeer.Kinds(files), .. OnnxPeer.Kinds(files), .. TorchPeer.Kinds(files), .. EnginePeer.Kinds(files)]
            : [.. LlamaPeer.Kinds(files), .. EnginePeer.Kinds(files)];

    private static int Restart(string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, arguments);
        foreach (var (name, value) in WithoutAvx512) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        process.WaitForExit();
        return process.ExitCode;
    }

    private void Measure(ModelFiles files, string[] works)
    {
        var kinds = Kinds(files).Where(kind => _bits.Contains(kind.Bits.ToString(CultureInfo.InvariantCulture))).ToArray();
        if (works.Contains("memory")) MeasureMemory(files, kinds);
        if (works.Contains("load")) MeasureLoading(kinds);

        var chosen = PeerWork.All.Where(work => works.Contains(work.Name)).ToArray();
        if (chosen.Length > 0)
        {
            Peer[] peers = [.. kinds.Select(kind => kind.Load())];
            foreach (var work in chosen) Measure(work, kinds, peers);
            for (int i = 0; i < kinds.Length; i++) _losses[kinds[i].Name] = peers[i].Loss(PeerWork.Ids);
            foreach (var peer in peers) peer.Dispose();
        }

        if (works.Contains("training")) MeasureTraining();
        if (_bandwidths.Count == 0) Compare("limits", []); // none of the works was compared with them
    }

    private void Measure(PeerWork work, PeerKind[] kinds, Peer[] peers)
    {
        var rows = Compare(work.Name, [.. peers.Zip(kinds, (peer, kind) => new Contender(kind.Name, work.Tokens, () => work.Run(peer)))]);
        var (bandwidth, multiplyAdds) = (rows[^2], rows[^1]);
        Add(work.Title, kinds, rows, speed => speed, i => peers[i].BytesPerToken is not { } bytes ? null
            : LimitOf(bandwidth, multiplyAdds, (reads, operations) => work.Limit(kinds[i].Bits, bytes, reads, operations)));
    }

    private void MeasureLoading(PeerKind[] kinds)
    {
        var rows = Compare("load", [.. kinds.Select(kind => new Contender(kind.Name, 1, () =>
        {
            using var peer = kind.Load();
            peer.Prefill(PeerWork.Ids[..3]);
        }))]);
        Add("file (warm) to first token, ms", kinds, rows, speed => 1000 / speed, _ => null);
    }

    private void MeasureMemory(ModelFiles files, PeerKind[] kinds)
    {
        Note("memory");
        const string Title = "peak memory, MB";
        double[] megabytes = [.. kinds.Select(kind => PeakMemory.Of(MemoryArgument, files.Folder, kind.Name) / 1e6)];
        for (int i = 0; i < kinds.Length; i++)
        {
            var kind = kinds[i];
            var rivals = megabytes.Where((_, other) => kinds[other].IsRivalOf(kind));
            double? ratio = kind.IsOurs && rivals.Any() ? rivals.Min() / megabytes[i] : null;
            _results.Add(new(Title, kind.Name, kind.Bits, megabytes[i], megabytes[i], megabytes[i], ratio));
        }
    }

    private void MeasureTraining()
    {
        Note("training");
        var rows = TrainingBenchmark.Compare(_rounds, [], [], Limits);
        NoteLimits(rows[^2], rows[^1]);
        PeerKind[] kinds = [new("TorchSharp", "float32", 32, null!), new(PeerKind.OurLibrary, nameof(WeightPrecision.Float32), 32, null!)];
        Add(
            TrainingBenchmark.Title, kinds, rows, speed => speed,
            _ => LimitOf(rows[^2], rows[^1], (_, operations) => operations / PeerWork.TrainingOperations));
    }

    private static Contender[] Limits =>
    [
        new("the machine reading", MachineLimits.BytesOfAPass, MachineLimits.ReadPass),
        new("the machine multiplying", MachineLimits.MultiplyAddsOfAPass, MachineLimits.MultiplyAddPass),
    ];

    private IReadOnlyList<ComparisonRow> Compare(string name, Contender[] contenders)
    {
        Note(name);
        var rows = Comparison.Run(_rounds, [.. contenders, .. Limits]);
        NoteLimits(rows[^2], rows[^1]);
        return rows;
    }

    private void NoteLimits(ComparisonRow bandwidth, ComparisonRow multiplyAdds)
    {
        _bandwidths.AddRange(bandwidth.Speeds);
        _multiplyAddRates.AddRange(multiplyAdds.Speeds);
    }

    // The limit of a work in each round, as a row to compare with.
    private static ComparisonRow? LimitOf(ComparisonRow bandwidth, ComparisonRow multiplyAdds, Func<double, double, double?> limit)
    {
        double?[] limits = [.. bandwidth.Speeds.Zip(multiplyAdds.Speeds, limit)];
        return limits.Contains(null) ? null : new("limit", [.. limits.Select(each => each!.Value)]);
    }

    // Ratios are of speeds, so that above 1 is better for every work.
    private void Add(
        string title, PeerKind[] kinds, IReadOnlyList<ComparisonRow> rows, Func<double, double> figure, Func<int, ComparisonRow?> limitOf)
    {
        for (int i = 0; i < kinds.Length; i++)
        {
            var (kind, row) = (kinds[i], rows[i]);
            double? ratio = null, ofLimit = null;
            if (kind.IsOurs)
            {
                var rivals = kinds.Zip(rows).Where(each => each.First.IsRivalOf(kind));
                if (rivals.MaxBy(rival => rival.Second.Median).Second is { } best) ratio = row.RatioTo(best);
                if (limitOf(i) is { } limit) ofLimit = row.RatioTo(limit);
            }

            double[] figures = [.. row.Speeds.Select(figure)];
            _results.Add(new(
                title, kind.Name, kind.Bits, Comparison.Median(figures), figures.Min(), figures.Max(), ratio, ofLimit));
        }
    }

    private static void Note(string work) => Console.Error.WriteLine($"{DateTime.Now:HH:mm:ss} {work} …");
}
