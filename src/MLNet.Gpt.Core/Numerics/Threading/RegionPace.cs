using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace MLNet.Gpt.Numerics.Threading;

/// <summary>
/// How fast one kind of region, of one order of magnitude, runs on its caller alone and shared with helpers, as measured
/// while it runs; decides whether to share it. Only time depends on the decision: results do not.
/// </summary>
/// <remarks>
/// A region of less than three microseconds does not repay the exchange of cache lines. One of more than 200 is always shared: it has
/// many items, so a thread that the system suspends delays it little, and where memory is the limit, one thread alone cannot reach
/// it. Between the two, <see cref="TeamBalance"/> decides.
/// Several callers may update a pace at once; a lost sample does no harm.
/// </remarks>
internal sealed class RegionPace
{
    private const int KindsPerTable = 1024;
    private const int SkipsPerSample = 8;

    private static readonly long Least = Stopwatch.Frequency / 330_000;
    private static readonly long Longest = Stopwatch.Frequency / 5_000;
    private static readonly RegionPace?[] Table = new RegionPace[KindsPerTable];

    private readonly Type _kind;
    private readonly int _magnitude;
    private double _alone; // ticks per unit of work; 0 if it is not known
    private double _shared;
    private int _skips;

    private RegionPace(Type kind, int magnitude) => (_kind, _magnitude) = (kind, magnitude);

    /// <summary>Returns the pace of the regions whose bodies have the same closure and about as much work.</summary>
    /// <param name="body">The body.</param>
    /// <param name="work">The region's work, in a unit that fits its kind.</param>
    public static RegionPace Of(Delegate body, double work)
    {
        var kind = body.Target?.GetType() ?? typeof(RegionPace);
        int magnitude = Math.ILogB(work);
        uint place = (uint)(RuntimeHelpers.GetHashCode(kind) + magnitude);
        for (int i = 0; i < KindsPerTable; i++, place++)
        {
            ref var found = ref Table[place % KindsPerTable];
            var pace = Volatile.Read(ref found);
            if (pace is null)
            {
                var added = new RegionPace(kind, magnitude);
                pace = Interlocked.CompareExchange(ref found, added, null) ?? added;
            }

            if (pace._kind == kind && pace._magnitude == magnitude) return pace;
        }

        return new(kind, magnitude); // unknown each time: there are far fewer kinds than places
    }

    /// <summary>Returns whether helpers should join.</summary>
    /// <param name="work">The region's work.</param>
    /// <param name="isMeasured">Whether its duration is to be added afterwards.</param>
    public bool Shares(double work, out bool isMeasured)
    {
        double alone = _alone * work, shared = _shared * work;
        if (alone > 0 && alone < Least)
        {
            isMeasured = (++_skips & (SkipsPerSample - 1)) == 0;
            return false;
        }

        isMeasured = true;
        if (alone == 0 && shared > 0 && shared < Longest) return false; // to know it
        return alone + shared == 0 || Math.Max(alone, shared) > Longest || TeamBalance.OfProcess.Shares;
    }

    /// <summary>Adds a measurement.</summary>
    /// <param name="work">The work.</param>
    /// <param name="isShared">Whether helpers could join.</param>
    /// <param name="start">When it began.</param>
    public void Add(double work, bool isShared, long start)
    {
        long end = Stopwatch.GetTimestamp(), ticks = Math.Max(1, end - start);
        double alone = _alone * work;
        if (isShared) Update(ref _shared, ticks / work);
        else Update(ref _alone, ticks / work);
        if (alone == 0 || (alone >= Least && alone <= Longest)) TeamBalance.OfProcess.Add(isShared, alone, ticks, end);
    }

    // Follows the usual duration; that a thread was suspended once is for the balance to count.
    private static void Update(ref double pace, double sample)
    {
        double old = pace;
        pace = old == 0 ? sample : old + ((Math.Min(sample, 4 * old) - old) / 8);
    }
}
