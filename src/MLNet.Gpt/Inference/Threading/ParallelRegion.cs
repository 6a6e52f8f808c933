using System.Runtime.ExceptionServices;

namespace MLNet.Gpt.Inference.Threading;

/// <summary>
/// A piece of work in items that one caller has opened. Regions are used again and again; a helper may join only between
/// <see cref="Open"/> and the closing, and the caller leaves only when every helper that joined has left.
/// </summary>
internal sealed class ParallelRegion
{
    private const int Closed = 1 << 30;
    private const int SpinsBeforeSleep = 2000;

    private readonly SemaphoreSlim _lastHelperLeft = new(0);
    private Action<int, int> _body = static (_, _) => { };
    private int _count;
    private int _helperLimit;
    private int _next;
    private int _callerSleeps;
    private int _state = Closed; // the number of helpers inside, plus Closed
    private ExceptionDispatchInfo? _error;

    /// <summary>The first exception of a body, after the region has closed.</summary>
    public ExceptionDispatchInfo? Error => _error;

    /// <summary>Lets helpers in.</summary>
    public void Open(Action<int, int> body, int count, int helperLimit)
    {
        _body = body;
        _count = count;
        _helperLimit = helperLimit;
        _next = 0;
        _callerSleeps = 0;
        _error = null;
        Volatile.Write(ref _state, 0);
    }

    /// <summary>Works as the caller until no item is left, then waits for the helpers' last ranges.</summary>
    public void WorkAndClose()
    {
        Work();
        int inside = Interlocked.Add(ref _state, Closed) - Closed;
        if (inside > 0) WaitForHelpers();
        _body = static (_, _) => { };
    }

    /// <summary>Joins if there is room, and works until no item is left. Returns whether it joined.</summary>
    public bool TryHelp()
    {
        int state = Volatile.Read(ref _state);
        do
        {
            if (state >= Volatile.Read(ref _helperLimit) || Volatile.Read(ref _next) >= Volatile.Read(ref _count)) return false;
            int found = Interlocked.CompareExchange(ref _state, state + 1, state);
            if (found == state) break;
            state = found;
        }
        while (true);

        Work();
        if (Interlocked.Decrement(ref _state) == Closed && Volatile.Read(ref _callerSleeps) != 0) _lastHelperLeft.Release();
        return true;
    }

    private void Work()
    {
        try
        {
            int first = Volatile.Read(ref _next);
            while (first < _count)
            {
                int end = first + Math.Max(1, (_count - first) / (2 * (_helperLimit + 1)));
                int found = Interlocked.CompareExchange(ref _next, end, first);
                if (found == first)
                {
                    _body(first, end);
                    found = Volatile.Read(ref _next);
                }

                first = found;
            }
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _error, ExceptionDispatchInfo.Capture(e), null);
            Interlocked.Exchange(ref _next, _count);
        }
    }

    private void WaitForHelpers()
    {
        for (int i = 0; i < SpinsBeforeSleep; i++)
        {
            if (Volatile.Read(ref _state) == Closed) return;
            Thread.SpinWait(1);
        }

        // Whoever comes second of this exchange and the last helper's leaving sees the other. A release that nobody waited for
        // may be left in the semaphore, hence the loop.
        Interlocked.Exchange(ref _callerSleeps, 1);
        while (Volatile.Read(ref _state) != Closed) _lastHelperLeft.Wait();
    }
}
