namespace MLNet.Gpt.Transforms;

/// <summary>
/// How many texts are worth computing together: twice as many each time, as long as the reader reads them all, and one again where he
/// leaves some out. So at most as many are computed in vain as were read.
/// </summary>
internal sealed class LookAhead(int most, Func<ScoredText, bool> wasRead)
{
    private IReadOnlyList<ScoredText> _last = [];
    private int _count;

    /// <summary>How many to compute now.</summary>
    public int NextCount() => _count = _last.All(wasRead) ? Math.Min(most, Math.Max(1, 2 * _count)) : 1;

    /// <summary>Remembers what was computed.</summary>
    public void Computed(IReadOnlyList<ScoredText> texts) => _last = texts;

    /// <summary>Begins again with one.</summary>
    public void Reset() => (_last, _count) = ([], 0);
}
