using System.Diagnostics;

namespace MLNet.Gpt.Benchmarks;

/// <summary>Other processes of this program that each keep one core busy until they are disposed.</summary>
internal sealed class Burner : IDisposable
{
    public const string Argument = "--burn-one-core";

    // .NET compiles the loop while it runs; after that, it does nothing but burn.
    private static readonly TimeSpan WarmUp = TimeSpan.FromMilliseconds(300);

    private readonly Process[] _processes;

    private Burner(Process[] processes) => _processes = processes;

    /// <summary>Starts processes that keep a number of cores busy, and returns when they do.</summary>
    /// <param name="cores">The number of cores.</param>
    /// <param name="isPinned">Whether each process stays on one core: the first, the second, …; otherwise the system moves them.</param>
    public static Burner Start(int cores, bool isPinned = false)
    {
        var processes = new Process[cores];
        for (int i = 0; i < cores; i++)
        {
            processes[i] = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [Argument])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            })!;
        }

        foreach (var process in processes) process.StandardOutput.ReadLine();
        for (int i = 0; i < cores && isPinned && (OperatingSystem.IsLinux() || OperatingSystem.IsWindows()); i++)
        {
            processes[i].ProcessorAffinity = 1 << i;
        }

        if (cores > 0) Thread.Sleep(WarmUp);
        return new(processes);
    }

    /// <summary>
    /// Keeps one core busy until this process is killed or the one that started it ends: the work of the other processes.
    /// </summary>
    public static void Burn()
    {
        new Thread(() =>
        {
            Console.In.ReadToEnd();
            Environment.Exit(0);
        })
        { IsBackground = true }.Start();
        Console.WriteLine("burning");
        for (double x = 1; ; x = Math.Sqrt(x + 1)) GC.KeepAlive(x);
    }

    public void Dispose()
    {
        foreach (var process in _processes)
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
        }
    }
}
