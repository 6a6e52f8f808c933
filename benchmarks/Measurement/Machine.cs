namespace MLNet.Gpt.Benchmarks.Measurement;

/// <summary>What this machine is, for tables.</summary>
internal static class Machine
{
    /// <summary>The processor's name.</summary>
    public static string Processor { get; } = FindProcessor();

    /// <summary>Cores, processor and register width.</summary>
    public static string Description =>
        $"{Environment.ProcessorCount} cores of {Processor}, with registers of {MachineLimits.RegisterBits} bits";

    private static string FindProcessor()
    {
        const string File = "/proc/cpuinfo", Key = "model name";
        string? line = System.IO.File.Exists(File)
            ? System.IO.File.ReadLines(File).FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal))
            : null;
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 2)..] ?? "an unknown processor";
    }
}
