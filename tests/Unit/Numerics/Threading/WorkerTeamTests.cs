using System.Diagnostics;
using MLNet.Gpt.Numerics.Threading;

namespace MLNet.Gpt.Tests.Numerics.Threading;

public class WorkerTeamTests
{
    [Theory]
    [InlineData(0, 4)]
    [InlineData(1, 4)]
    [InlineData(1000, 1)]
    [InlineData(1000, 2)]
    [InlineData(1000, 7)]
    public void Every_chunk_runs_once(int chunkCount, int threadCount)
    {
        int[] runs = new int[chunkCount];
        WorkerTeam.Run(chunkCount, threadCount, chunk => Interlocked.Increment(ref runs[chunk]));
        Assert.All(runs, count => Assert.Equal(1, count));
    }

    [Fact]
    public void Concurrent_callers_each_get_all_their_chunks_done()
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = TestContext.Current.CancellationToken };
        Parallel.For(0, 8, options, caller =>
        {
            for (int round = 0; round < 2000; round++)
            {
                int[] runs = new int[1 + ((caller + round) % 9)];
                WorkerTeam.Run(runs.Length, 1 + (round % 4), chunk => runs[chunk]++);
                Assert.All(runs, count => Assert.Equal(1, count));
            }
        });
    }

    [Fact]
    public void An_observer_receives_every_region_of_a_caller()
    {
        int own = Environment.CurrentManagedThreadId;
        var durations = new List<long>();
        WorkerTeam.Observer = (_, ticks) =>
        {
            if (Environment.CurrentManagedThreadId == own) durations.Add(ticks); // other tests run at the same time
        };
        try
        {
            WorkerTeam.Run(1, 1, _ => Thread.Sleep(20));
            WorkerTeam.RunRanges(100, 2, (_, _) => { });
        }
        finally
        {
            WorkerTeam.Observer = null;
        }

        WorkerTeam.Run(10, 2, _ => { });
        Assert.Equal(2, durations.Count);
        Assert.True(durations[0] >= Stopwatch.Frequency / 100, $"The first region took {durations[0]} ticks.");
    }

    [Fact]
    public void Regions_that_are_too_small_to_share_run_on_their_caller()
    {
        int own = Environment.CurrentManagedThreadId;
        int[] threads = new int[4];
        int shared = 0;
        for (int round = 0; round < 2000; round++)
        {
            WorkerTeam.Run(threads.Length, 3, item => threads[item] = Environment.CurrentManagedThreadId);
            if (round >= 1000 && threads.Any(thread => thread != own)) shared++;
        }

        Assert.InRange(shared, 0, 50); // what it takes is measured, so a disturbance may change the decision for a while

        WorkerTeam.Run(threads.Length, 3, item => threads[item] = Environment.CurrentManagedThreadId, work: 100);
        Assert.All(threads, thread => Assert.Equal(own, thread));
    }

    [Fact]
    public void There_are_never_more_threads_than_requested()
    {
        int inside = 0, most = 0;
        WorkerTeam.Run(60, 3, _ =>
        {
            int now = Interlocked.Increment(ref inside);
            int seen;
            while ((seen = Volatile.Read(ref most)) < now) Interlocked.CompareExchange(ref most, now, seen);
            Thread.Sleep(1);
            Interlocked.Decrement(ref inside);
        });
        Assert.InRange(most, 1, 3);
    }

    [Fact]
    public void An_exception_reaches_the_caller_and_the_team_keeps_working()
    {
        for (int round = 0; round < 50; round++)
        {
            var error = Assert.Throws<FormatException>(() => WorkerTeam.Run(100, 3, chunk =>
            {
                if (chunk == 37) throw new FormatException("chunk 37");
            }));
            Assert.Equal("chunk 37", error.Message);
        }

        Every_chunk_runs_once(1000, 3);
    }

    [Fact]
    public void A_region_inside_a_region_completes()
    {
        int sum = 0;
        WorkerTeam.Run(5, 3, _ => WorkerTeam.Run(7, 3, _ => Interlocked.Increment(ref sum)));
        Assert.Equal(35, sum);
    }

    [Fact]
    public void An_interrupted_caller_waits_until_no_helper_is_working()
    {
        using var helperIsInside = new ManualResetEventSlim();
        using var helperMayLeave = new ManualResetEventSlim();
        bool helperWorks = false, leftEarly = false;
        Exception? thrown = null;
        Thread caller = null!;
        caller = new Thread(() =>
        {
            try
            {
                WorkerTeam.Run(2, 2, _ =>
                {
                    if (Thread.CurrentThread == caller)
                    {
                        while (!helperIsInside.IsSet) Thread.SpinWait(10);
                        return;
                    }

                    Volatile.Write(ref helperWorks, true);
                    helperIsInside.Set();
                    helperMayLeave.Wait();
                    Volatile.Write(ref helperWorks, false);
                });
            }
            catch (ThreadInterruptedException e)
            {
                thrown = e;
            }

            leftEarly = Volatile.Read(ref helperWorks);
        });
        caller.Start();
        helperIsInside.Wait(TestContext.Current.CancellationToken);
        for (int i = 0; i < 30; i++)
        {
            caller.Interrupt();
            Thread.Sleep(1);
        }

        helperMayLeave.Set();
        caller.Join();
        Assert.False(leftEarly);
        Assert.NotNull(thrown);
    }
}
