using System.Diagnostics;

namespace MLNet.Gpt.Benchmarks;

/// <summary>Another process of this program that keeps one core busy until it is disposed.</summary>
internal sealed class Burner : IDisposable
{
    public const string Argument = "--burn-one-core";

    private readonly Process _process;

    private Burner(Process process) => _process = process;

    public static Burner Start()
    {
        var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [Argument]) { RedirectStandardOutput = true })!;
        process.StandardOutput.ReadLine(); // it is busy from here on
        return new(process);
    }

    /// <summary>Keeps one core busy forever: the work of the other process.</summary>
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
