using System.Globalization;
using MLNet.Gpt.Numerics.Threading;

namespace MLNet.Gpt.Tests.Numerics.Threading;

/// <summary>Alone in the process, because other tests keep the helpers busy.</summary>
[Collection("alone")]
[CollectionDefinition("alone", DisableParallelization = true)]
public class IdleHelpersTests
{
    [Fact]
    public void However_many_threads_are_requested_a_few_per_processor_work_and_end_when_idle()
    {
        int inside = 0, most = 0;
        WorkerTeam.Run(1000, 1_000_000, _ =>
        {
            int now = Interlocked.Increment(ref inside), seen;
            while ((seen = Volatile.Read(ref most)) < now) Interlocked.CompareExchange(ref most, now, seen);
            Thread.Sleep(1);
            Interlocked.Decrement(ref inside);
        });
        Assert.InRange(most, 2, WorkerTeam.MostThreads);
        Assert.InRange(WorkerTeam.HelperCount, 1, WorkerTeam.MostThreads - 1);
        Assert.InRange(WorkerTeam.MostThreads, 1, 4 * Environment.ProcessorCount);

        Assert.True(
            SpinWait.SpinUntil(() => WorkerTeam.HelperCount == 0, TimeSpan.FromMinutes(1)), $"{WorkerTeam.HelperCount} helpers are left");
        int sum = 0;
        WorkerTeam.Run(100, 3, item => Interlocked.Add(ref sum, item));
        Assert.Equal(4950, sum);
    }

    [Fact]
    public void No_region_stays_in_use_after_failures_and_interrupts()
    {
        bool ends = false;
        Thread[] callers = [.. Enumerable.Range(0, 3).Select(_ => new Thread(() =>
        {
            for (int round = 0; !Volatile.Read(ref ends); round++)
            {
                int failing = round % 3 == 0 ? round % 20 : -1;
                try
                {
                    WorkerTeam.Run(20, 3, item =>
                    {
                        if (item == failing) throw new FormatException();
                        Thread.SpinWait(20);
                    });
                }
                catch (Exception e) when (e is FormatException or ThreadInterruptedException)
                {
                }
            }
        }))];
        foreach (var caller in callers) caller.Start();
        for (int i = 0; i < 300; i++)
        {
            callers[i % 3].Interrupt();
            Thread.Sleep(1);
        }

        Volatile.Write(ref ends, true);
        foreach (var caller in callers) caller.Join();
        Assert.Equal(0, WorkerTeam.RegionsInUse);
    }

    [Fact]
    public void Idle_helpers_take_no_time()
    {
        WorkerTeam.Run(1000, 4, _ => Thread.SpinWait(100));
        Thread.Sleep(20);
        TimeSpan before = HelperTime();
        Thread.Sleep(300);
        Assert.InRange((HelperTime() - before).TotalMilliseconds, 0, 15);
    }

    // Processor time of the process's helper threads, which Linux reports per thread.
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
                // The thread has ended since.
            }
        }

        return TimeSpan.FromMilliseconds(10 * ticks);
    }
}
