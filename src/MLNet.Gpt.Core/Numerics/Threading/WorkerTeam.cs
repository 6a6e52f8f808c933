using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace MLNet.Gpt.Numerics.Threading;

/// <summary>The process's helper threads for computation: background threads that work on any open region.</summary>
/// <remarks>
/// A caller opens a region and works on it itself; helpers join if they are free. Ranges of items are taken from a
/// counter, so a helper that the system has suspended delays only the range that it has begun, and a caller that finds
/// all helpers busy does everything alone. Small regions, and those of a time when helpers cost more than they bring, run
/// on the caller alone (<see cref="RegionPace"/>). Helpers spin for some microseconds after work, because the next region of a
/// model usually follows at once, and then sleep; one that has found no work for a while ends.
/// </remarks>
internal static class WorkerTeam
{
    /// <summary>
    /// The maximum number of threads that work for one caller, including the calling one. Larger requests are reduced
    /// to this: more threads would only take turns.
    /// </summary>
    public static readonly int MostThreads = 4 * Environment.ProcessorCount;

    // Long enough to bridge the gap between two products of a model, short enough to cost nothing when it ends.
    private static readonly long SpinTicks = Stopwatch.Frequency / 20_000;

    // Starting a thread takes only a tenth of a millisecond, so a helper need not survive long pauses.
    private static readonly TimeSpan IdleLimit = TimeSpan.FromSeconds(2);

    // Multiply-adds of two or three microseconds: not worth finding out how fast they are.
    private const double LeastWork = 32_768;

    private static readonly Lock Gate = new();
    private static readonly object Sleep = new();
    private static ParallelRegion[] s_regions = [];
    private static int s_helperCount;
    private static int s_sleeping;
    private static int s_epoch;

    /// <summary>The current number of helpers, working or not.</summary>
    public static int HelperCount => Volatile.Read(ref s_helperCount);

    /// <summary>The number of regions that callers are in.</summary>
    public static int RegionsInUse => Volatile.Read(ref s_regions).Count(region => region.IsClaimed);

    /// <summary>
    /// Receives the body of every region and the ticks that its caller spent in it, on the caller's thread;
    /// <see langword="null"/> except in a benchmark that profiles.
    /// </summary>
    public static Action<Delegate, long>? Observer { get; set; }

    /// <summary>
    /// Runs a body for every item 0 … count − 1, in any order, on the calling thread and at most threadCount − 1
    /// helpers.
    /// </summary>
    /// <param name="count">The number of items.</param>
    /// <param name="threadCount">Threads, including the calling one.</param>
    /// <param name="body">What to do.</param>
    /// <param name="work">
    /// The multiply-adds of all items; 0 if the work is in proportion to the number of items. It predicts how long a region
    /// takes.
    /// </param>
    /// <inheritdoc cref="RunRanges" path="/remarks|/exception"/>
    public static void Run(int count, int threadCount, Action<int> body, double work = 0) => RunRanges(
        count,
        threadCount,
        (first, end) =>
        {
            for (int item = first; item < end; item++) body(item);
        },
        work,
        body);

    /// <summary>
    /// Does the same with ranges of items, [first, end): large ones at the beginning, because long runs of memory are
    /// read fastest, and ever smaller ones, so that all threads finish together.
    /// </summary>
    /// <param name="count">The number of items.</param>
    /// <param name="threadCount">Threads, including the calling one.</param>
    /// <param name="body">What to do.</param>
    /// <param name="work">As in <see cref="Run"/>.</param>
    /// <param name="kind">The delegate whose closure tells regions apart; the body if <see langword="null"/>.</param>
    /// <remarks>When it returns or throws, no thread is in the body any longer, whatever was thrown.</remarks>
    /// <exception cref="ThreadInterruptedException">The calling thread was interrupted. All items may have been done.</exception>
    /// <exception cref="Exception">
    /// The exception of a body; the first of several. Items not yet begun are then skipped.
    /// </exception>
    public static void RunRanges(int count, int threadCount, Action<int, int> body, double work = 0, Delegate? kind = null)
    {
        kind ??= body;
        if (Observer is not { } observer)
        {
            RunRegion(count, threadCount, body, kind, work);
            return;
        }

        long start = Stopwatch.GetTimestamp();
        RunRegion(count, threadCount, body, kind, work);
        observer(body, Stopwatch.GetTimestamp() - start);
    }

    private static void RunRegion(int count, int threadCount, Action<int, int> body, Delegate kind, double work)
    {
        int helpers = Math.Min(Math.Min(threadCount, MostThreads), count) - 1;
        if (helpers <= 0 || (work > 0 && work < LeastWork))
        {
            if (count > 0) body(0, count);
            return;
        }

        if (work == 0) work = count;
        var pace = RegionPace.Of(kind, work);
        bool shares = pace.Shares(work, out bool isMeasured);
        long start = isMeasured ? Stopwatch.GetTimestamp() : 0;
        if (shares) Share(count, helpers, body);
        else body(0, count);
        if (isMeasured) pace.Add(work, shares, start);
    }

    private static void Share(int count, int helpers, Action<int, int> body)
    {
        if (HelperCount < helpers) AddHelpers(helpers);
        var region = Claim();
        region.Open(body, count, helpers);
        try
        {
            Wake(helpers);
            region.Work();
        }
        catch (Exception e)
        {
            region.Fail(e);
        }
        finally
        {
            region.Close();
        }

        var error = region.Release(out bool wasInterrupted);
        if (error is null && wasInterrupted) throw new ThreadInterruptedException();
        if (error is null) return;
        if (wasInterrupted && error is not ThreadInterruptedException) Thread.CurrentThread.Interrupt(); // so that it is not lost
        ExceptionDispatchInfo.Throw(error);
    }

    private static ParallelRegion Claim()
    {
        foreach (var free in Volatile.Read(ref s_regions))
        {
            if (free.TryClaim()) return free;
        }

        var region = new ParallelRegion();
        region.TryClaim();
        lock (Gate) Volatile.Write(ref s_regions, [.. s_regions, region]);
        return region;
    }

    private static void AddHelpers(int wanted)
    {
        lock (Gate)
        {
            while (s_helperCount < wanted)
            {
                var helper = new Thread(Help) { IsBackground = true, Name = "MLNet.Gpt worker" };
                try
                {
                    helper.Start();
                }
                catch (OutOfMemoryException)
                {
                    return; // the system cannot start more threads; the existing ones do the work
                }

                Volatile.Write(ref s_helperCount, s_helperCount + 1);
            }
        }
    }

    private static void Wake(int helpers)
    {
        Interlocked.Increment(ref s_epoch);
        if (Volatile.Read(ref s_sleeping) == 0) return;
        lock (Sleep)
        {
            for (int i = Math.Min(helpers, s_sleeping); i > 0; i--) Monitor.Pulse(Sleep);
        }
    }

    private static void Help()
    {
        int start = Environment.CurrentManagedThreadId & 0xFFFF;
        long lastWork = Environment.TickCount64;
        while (true)
        {
            int seen = Volatile.Read(ref s_epoch);
            var regions = Volatile.Read(ref s_regions);
            bool worked = false;
            for (int i = 0; i < regions.Length; i++) worked |= regions[(start + i) % regions.Length].TryHelp();
            start = (start + 1) & 0xFFFF;
            if (worked) lastWork = Environment.TickCount64;
            else if (Environment.TickCount64 - lastWork >= IdleLimit.TotalMilliseconds) break;
            else WaitForWork(seen);
        }

        lock (Gate) Volatile.Write(ref s_helperCount, s_helperCount - 1);
    }

    private static void WaitForWork(int seen)
    {
        long end = Stopwatch.GetTimestamp() + SpinTicks;
        do
        {
            for (int i = 0; i < 16; i++)
            {
                if (Volatile.Read(ref s_epoch) != seen) return;
                Thread.SpinWait(1);
            }
        }
        while (Stopwatch.GetTimestamp() < end);

        try
        {
            lock (Sleep)
            {
                Interlocked.Increment(ref s_sleeping);
                try
                {
                    if (Volatile.Read(ref s_epoch) == seen) Monitor.Wait(Sleep, IdleLimit);
                }
                finally
                {
                    Interlocked.Decrement(ref s_sleeping);
                }
            }
        }
        catch (ThreadInterruptedException)
        {
            // The interruption was meant for user code that a body called; it must not end the process.
        }
    }
}
