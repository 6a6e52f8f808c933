namespace MLNet.Gpt.Numerics.Threading;

/// <summary>
/// A set of work items opened by one caller. Regions are reused. A helper may join only between <see cref="Open"/> and
/// <see cref="Close"/>, and closing waits until every helper that joined has left.
/// </summary>
internal sealed class ParallelRegion
{
    private const long Closed = 1L << 30;
    private const long HelpersInside = Closed - 1;
    private const int OpeningShift = 32;
    private const int SpinsBeforeSleep = 2000;
    private static readonly Action<int, int> Nothing = static (_, _) => { };

    private readonly object _lastHelperLeft = new();
    private Action<int, int> _body = Nothing;
    private int _count;
    private int _helperLimit;
    private int _next;
    private int _callerSleeps;
    private int _isClaimed;
    private Exception? _error;
    private bool _wasInterrupted;

    // The number of helpers inside, plus Closed, and in the upper bits how often the region was opened, so that a
    // helper that saw an earlier opening cannot enter a later one.
    private long _state = Closed;

    /// <summary>Whether a caller has claimed the region.</summary>
    public bool IsClaimed => Volatile.Read(ref _isClaimed) != 0;

    /// <summary>Claims the region for the caller, and returns whether it was free.</summary>
    public bool TryClaim() => Volatile.Read(ref _isClaimed) == 0 && Interlocked.CompareExchange(ref _isClaimed, 1, 0) == 0;

    /// <summary>Lets helpers in.</summary>
    public void Open(Action<int, int> body, int count, int helperLimit)
    {
        _body = body;
        _count = count;
        _helperLimit = helperLimit;
        _next = 0;
        _callerSleeps = 0;
        _error = null;
        _wasInterrupted = false;
        Volatile.Write(ref _state, ((_state >> OpeningShift) + 1) << OpeningShift);
    }

    /// <summary>Works until no items are left.</summary>
    public void Work()
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
            Fail(e);
        }
    }

    /// <summary>Skips the items that no thread has begun. Of several failures, the first is kept.</summary>
    public void Fail(Exception error)
    {
        Interlocked.CompareExchange(ref _error, error, null);
        Interlocked.Exchange(ref _next, _count);
    }

    /// <summary>
    /// Closes the region for helpers and returns when none is inside, however often the thread is interrupted
    /// meanwhile, because the memory that the helpers use belongs to the caller. Never allocates and never throws.
    /// </summary>
    public void Close()
    {
        Interlocked.Exchange(ref _next, _count);
        if ((Interlocked.Add(ref _state, Closed) & HelpersInside) > 0) WaitForHelpers();
        _body = Nothing;
    }

    /// <summary>Releases the closed region, and returns what went wrong in it.</summary>
    public Exception? Release(out bool wasInterrupted)
    {
        var error = _error;
        wasInterrupted = _wasInterrupted;
        _error = null;
        Volatile.Write(ref _isClaimed, 0);
        return error;
    }

    /// <summary>Joins if there is room, and works until no items are left. Returns whether it joined.</summary>
    public bool TryHelp()
    {
        long state = Volatile.Read(ref _state);
        do
        {
            if ((state & (Closed | HelpersInside)) >= Volatile.Read(ref _helperLimit)) return false;
            if (Volatile.Read(ref _next) >= Volatile.Read(ref _count)) return false;
            long found = Interlocked.CompareExchange(ref _state, state + 1, state);
            if (found == state) break;
            state = found;
        }
        while (true);

        Work();
        if ((Interlocked.Decrement(ref _state) & (Closed | HelpersInside)) == Closed && Volatile.Read(ref _callerSleeps) != 0) WakeCaller();
        return true;
    }

    private bool HasHelpers => (Volatile.Read(ref _state) & HelpersInside) != 0;

    private void WakeCaller()
    {
        try
        {
            lock (_lastHelperLeft) Monitor.PulseAll(_lastHelperLeft);
        }
        catch (ThreadInterruptedException)
        {
            WakeCaller(); // user code that a body called may have interrupted this thread; the caller must be woken anyway
        }
    }

    private void WaitForHelpers()
    {
        for (int i = 0; i < SpinsBeforeSleep; i++)
        {
            if (!HasHelpers) return;
            Thread.SpinWait(1);
        }

        // Whichever comes second, this exchange or the last helper's leaving, sees the other.
        Interlocked.Exchange(ref _callerSleeps, 1);
        while (HasHelpers)
        {
            try
            {
                lock (_lastHelperLeft)
                {
                    while (HasHelpers) Monitor.Wait(_lastHelperLeft);
                }
            }
            catch (ThreadInterruptedException)
            {
                _wasInterrupted = true;
            }
        }
    }
}
