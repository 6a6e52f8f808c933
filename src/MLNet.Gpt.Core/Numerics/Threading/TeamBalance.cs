using System.Diagnostics;

namespace MLNet.Gpt.Numerics.Threading;

/// <summary>
/// Whether helpers pay at the moment: beside other programs, a thread that the system has suspended can cost more than
/// the team gains.
/// </summary>
/// <remarks>
/// Time is divided into periods in which callers have helpers or work alone. In both, the duration of regions is added
/// up and divided by what they usually take alone. If a period with helpers comes out slower than the last one without,
/// helpers pause, the longer the more often in a row. With helpers, callers work alone for one period every second,
/// so that the comparison follows the machine.
/// </remarks>
internal sealed class TeamBalance
{
    private static readonly long Period = Stopwatch.Frequency / 100;
    private static readonly long ShortestPause = Stopwatch.Frequency / 20;
    private static readonly long LongestPause = 2 * Stopwatch.Frequency / 5;
    private static readonly long AloneInterval = Stopwatch.Frequency;

    private bool _isAlone;
    private bool _isFirstShared = true;
    private int _isBusy;
    private long _periodEnd, _nextAlone, _pause = ShortestPause;
    private double _usual, _taken, _unknown;
    private double _alonePace, _sharedPace; // 0 if unknown

    /// <summary>That of the process, in which all callers share the helpers.</summary>
    public static TeamBalance OfProcess { get; } = new();

    /// <summary>Whether helpers may join regions.</summary>
    public bool Shares => !Volatile.Read(ref _isAlone);

    /// <summary>Adds a region.</summary>
    /// <param name="isShared">Whether helpers could join it.</param>
    /// <param name="usual">The ticks that such a region usually takes alone; 0 if that is not known yet.</param>
    /// <param name="taken">The ticks that it took.</param>
    /// <param name="now">The current time.</param>
    public void Add(bool isShared, double usual, long taken, long now)
    {
        if (Interlocked.Exchange(ref _isBusy, 1) != 0) return; // another caller adds one at the moment
        if (isShared != _isAlone)
        {
            if (usual > 0) (_usual, _taken) = (_usual + usual, _taken + taken);
            else _unknown += taken;

            // A period of which the callers spent little in regions says nothing.
            if (now >= _periodEnd && _taken + _unknown >= Period / 4) EndPeriod(now);
        }

        Volatile.Write(ref _isBusy, 0);
    }

    private void EndPeriod(long now)
    {
        if (_taken > _unknown)
        {
            double pace = _taken / _usual;
            if (_isAlone) _alonePace = pace;
            else _sharedPace = _isFirstShared ? pace : (_sharedPace + pace) / 2;
        }

        (_usual, _taken, _unknown) = (0, 0, 0);
        bool wasAlone = _isFirstShared = _isAlone, pays = _alonePace == 0 || _sharedPace < _alonePace;
        long length = Period;
        if (wasAlone)
        {
            _nextAlone = now + AloneInterval;
        }
        else if (!pays)
        {
            length = _pause;
            _pause = Math.Min(4 * _pause, LongestPause);
        }
        else
        {
            _pause = Math.Max(_pause / 2, ShortestPause);
        }

        _periodEnd = now + length;
        Volatile.Write(ref _isAlone, !wasAlone && (!pays || now >= _nextAlone));
    }
}
