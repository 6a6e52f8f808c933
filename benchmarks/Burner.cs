using System.Diagnostics;

namespace MLNet.Gpt.Benchmarks;

/// <summary>Another process that burns one core until it is disposed: this program itself, started anew.</summary>
internal sealed class Burner : IDisposable
{
    public const string Argument = "--burn-one-core";

    private readonly Process _process;

    private Burner(Process process) => _process = process;

    public static Burner Start()
    {
        var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [Argument]) { RedirectStandardOutput = true })!;
        process.StandardOutput.ReadLine(); // it burns from here on
        return new(process);
    }

    /// <summary>What the other process does.</summary>
    public static void Burn()
    {
        Console.WriteLine("burning");
        for (double x = 1; ; x = Math.Sqrt(x + 1)) GC.KeepAlive(x);
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
