using System.Diagnostics;
using System.Globalization;

namespace MLNet.Gpt.Benchmarks.Measurement;

/// <summary>The peak memory of work that this program does in a process of its own.</summary>
internal static class PeakMemory
{
    /// <summary>Starts this program with arguments for which it ends with <see cref="Print"/>; returns what that has written.</summary>
    public static long Of(params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, arguments) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"The process of {string.Join(' ', arguments)} failed.");
        return long.Parse(output.Trim().Split('\n')[^1], CultureInfo.InvariantCulture);
    }

    /// <summary>Writes this process's peak memory to standard output, in bytes.</summary>
    public static void Print() =>
        Console.WriteLine(Process.GetCurrentProcess().PeakWorkingSet64.ToString(CultureInfo.InvariantCulture));
}
