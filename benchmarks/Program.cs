using MLNet.Gpt.Benchmarks;
using MLNet.Gpt.Benchmarks.Peers;
using MLNet.Gpt.TorchSharp;

if (args is [Burner.Argument]) Burner.Burn();
if (args is [TrainingBenchmark.MemoryArgument, var contender])
{
    TrainingBenchmark.MeasureMemory(contender);
    return 0;
}

if (args is [FineTuningBenchmark.MemoryArgument, var trained])
{
    FineTuningBenchmark.MeasureMemory(trained);
    return 0;
}

if (args is [PeersBenchmark.MemoryArgument, var folder, var kind])
{
    PeersBenchmark.MeasureMemory(folder, kind);
    return 0;
}

if (args is [PeersBenchmark.Name, .. var options]) return PeersBenchmark.Run(options);
if (args is [ProfileBenchmark.Name, .. var precision]) return ProfileBenchmark.Run(precision);
if (args is [PrecisionsBenchmark.Name, .. var files]) return PrecisionsBenchmark.Run(files);

// Usage: dotnet run -c Release --project benchmarks -- [name …]; without names, all of these. Three more have
// options: peers, the comparison with other libraries, profile, and precisions.
var benchmarks = new Dictionary<string, Action>
{
    ["lecture"] = LectureBenchmark.Run,
    ["inference"] = InferenceBenchmark.Run,
    ["products"] = ProductBenchmark.Run,
    ["lookup"] = LookupBenchmark.Run,
    ["measuring"] = MeasuringBenchmark.Run,
    ["rows"] = RowsBenchmark.Run,
    ["training"] = TrainingBenchmark.Run,
    ["finetuning"] = FineTuningBenchmark.Run,
    ["small"] = SmallModelBenchmark.Run,
    ["busy"] = BusyMachineBenchmark.Run,
    ["streams"] = StreamingBenchmark.Run,
    ["tasks"] = TaskBenchmark.Run,
};

string[] unknown = [.. args.Except(benchmarks.Keys)];
if (unknown.Length > 0)
{
    string names = string.Join(", ", [.. benchmarks.Keys, PeersBenchmark.Name, ProfileBenchmark.Name, PrecisionsBenchmark.Name]);
    Console.Error.WriteLine($"There is no benchmark '{unknown[0]}'; there are {names}.");
    return 2;
}

LibTorch.EnsureLoaded(); // before the baselines touch TorchSharp, which cannot load by itself everywhere
foreach (string name in args.Length > 0 ? args : [.. benchmarks.Keys]) benchmarks[name]();
return 0;
