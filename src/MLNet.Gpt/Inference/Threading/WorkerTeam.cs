using System.Diagnostics;

namespace MLNet.Gpt.Inference.Threading;

/// <summary>
/// The process's helpers for computation: background threads that take parts of whatever regions are open.
/// </summary>
/// <remarks>
/// A caller opens a region and works on it itself; helpers join if they are free. Ranges of items are taken from a counter, so a
/// helper that the system has put aside holds up nothing but the range it has begun, and a caller who finds all helpers busy does
/// everything alone. Helpers spin for some microseconds after work, as the next region of a model follows at once, then sleep.
/// </remarks>
internal static class WorkerTeam
{
    // Long enough to bridge the gap between two products of a model, short enough to cost nothing when it ends.
    private static readonly long SpinTicks = Stopwatch.Frequency / 20_000;

    private static readonly Lock Gate = new();
    private static readonly object Sleep = new();
    private static readonly Stack<ParallelRegion> Free = new();
    private static ParallelRegion[] s_regions = [];
    private static int s_helperCount;
    private static int s_sleeping;
    private static int s_epoch;

    /// <summary>Runs a body for every item 0 … count − 1, in any order, on the calling thread and at most threadCount − 1 helpers.</summary>
    /// <exception cref="Exception">What a body threw; the first if several did. Items not yet begun are then left out.</exception>
    public static void Run(int count, int threadCount, Action<int> body) => RunRanges(count, threadCount, (first, end) =>
    {
        for (int item = first; item < end; item++) body(item);
    });

    /// <summary>
    /// The same in ranges of items, first to before end: large ones at the beginning, as long runs of memory are read fastest, and ever
    /// smaller ones, so that all threads end together.
    /// </summary>
    /// <exception cref="Exception">What a body threw; the first if several did. Items not yet begun are then left out.</exception>
    public static void RunRanges(int count, int threadCount, Action<int, int> body)
    {
        int helpers = Math.Min(threadCount, count) - 1;
        if (helpers <= 0)
        {
            if (count > 0) body(0, count);
            return;
        }

        if (Volatile.Read(ref s_helperCount) < helpers) AddHelpers(helpers);
        var region = Rent();
        region.Open(body, count, helpers);
        Interlocked.Increment(ref s_epoch);
        if (Volatile.Read(ref s_sleeping) > 0)
        {
            lock (Sleep) Monitor.PulseAll(Sleep);
        }

        region.WorkAndClose();
        var error = region.Error;
        Return(region);
        error?.Throw();
    }

    private static ParallelRegion Rent()
    {
        lock (Gate)
        {
            if (Free.TryPop(out var region)) return region;
            region = new ParallelRegion();
            Volatile.Write(ref s_regions, [.. s_regions, region]);
            return region;
        }
    }

    private static void Return(ParallelRegion region)
    {
        lock (Gate) Free.Push(region);
    }

    private static void AddHelpers(int wanted)
    {
        lock (Gate)
        {
            while (s_helperCount < wanted)
            {
                int number = s_helperCount + 1;
                new Thread(() => Help(number)) { IsBackground = true, Name = $"MLNet.Gpt worker {number}" }.Start();
                Volatile.Write(ref s_helperCount, number);
            }
        }
    }

    private static void Help(int number)
    {
        int start = number;
        while (true)
        {
            int seen = Volatile.Read(ref s_epoch);
            var regions = Volatile.Read(ref s_regions);
            bool worked = false;
            for (int i = 0; i < regions.Length; i++) worked |= regions[(start + i) % regions.Length].TryHelp();
            start++;
            if (!worked) WaitForWork(seen);
        }
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

        lock (Sleep)
        {
            Interlocked.Increment(ref s_sleeping);
            while (Volatile.Read(ref s_epoch) == seen) Monitor.Wait(Sleep);
            Interlocked.Decrement(ref s_sleeping);
        }
    }
}
