using System.Globalization;
using MLNet.Gpt.Inference.Threading;

namespace MLNet.Gpt.Tests.Inference.Threading;

/// <summary>Alone in the process, as other tests keep the helpers busy.</summary>
[Collection("alone")]
[CollectionDefinition("alone", DisableParallelization = true)]
public class IdleHelpersTests
{
    [Fact]
    public void Idle_helpers_take_no_time()
    {
        WorkerTeam.Run(1000, 4, _ => Thread.SpinWait(100));
        Thread.Sleep(20);
        TimeSpan before = HelperTime();
        Thread.Sleep(300);
        Assert.InRange((HelperTime() - before).TotalMilliseconds, 0, 15);
    }

    // Processor time of the process's threads named as helpers; Linux tells it per thread.
    private static TimeSpan HelperTime()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Threads are told apart by name on Linux only.");
        long ticks = 0;
        foreach (string directory in Directory.GetDirectories("/proc/self/task"))
        {
            try
            {
                if (!File.ReadAllText(Path.Combine(directory, "comm")).StartsWith("MLNet.Gpt worke", StringComparison.Ordinal)) continue;
                string[] fields = File.ReadAllText(Path.Combine(directory, "stat")).Split(") ")[1].Split(' ');
                ticks += long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
            }
            catch (IOException)
            {
                // A thread that has ended since.
            }
        }

        return TimeSpan.FromMilliseconds(10 * ticks);
    }
}
