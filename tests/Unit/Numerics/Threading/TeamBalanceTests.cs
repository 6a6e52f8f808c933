using System.Diagnostics;
using MLNet.Gpt.Numerics.Threading;

namespace MLNet.Gpt.Tests.Numerics.Threading;

public class TeamBalanceTests
{
    private static readonly long Usual = Stopwatch.Frequency / 10_000;

    private readonly TeamBalance _balance = new();
    private long _now = 1;

    [Fact]
    public void Helpers_pause_while_they_make_regions_slower_and_join_again_when_they_pay()
    {
        Assert.InRange(ShareOfHelpers(seconds: 4, sharedPace: 0.6, alonePace: 1), 0.95, 1);
        Assert.InRange(ShareOfHelpers(seconds: 4, sharedPace: 1.4, alonePace: 1), 0, 0.1);
        Assert.InRange(ShareOfHelpers(seconds: 4, sharedPace: 0.6, alonePace: 1), 0.85, 1);
    }

    [Fact]
    public void Helpers_are_compared_with_what_a_caller_achieves_alone_at_the_time()
    {
        Assert.InRange(ShareOfHelpers(seconds: 4, sharedPace: 1.4, alonePace: 2), 0.95, 1); // all cores are busy
        Assert.InRange(ShareOfHelpers(seconds: 8, sharedPace: 1.4, alonePace: 1), 0, 0.3); // seen within a second
    }

    // Runs regions, one after the other; returns the share of them that helpers could join.
    private double ShareOfHelpers(double seconds, double sharedPace, double alonePace)
    {
        long end = _now + (long)(seconds * Stopwatch.Frequency);
        int regions = 0, shared = 0;
        for (; _now < end; regions++)
        {
            bool isShared = _balance.Shares;
            long taken = (long)(Usual * (isShared ? sharedPace : alonePace));
            _now += taken;
            _balance.Add(isShared, Usual, taken, _now);
            if (isShared) shared++;
        }

        return (double)shared / regions;
    }
}
