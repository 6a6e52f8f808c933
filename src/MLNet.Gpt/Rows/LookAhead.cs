namespace MLNet.Gpt.Rows;

/// <summary>
/// How many texts are worth computing together: twice as many each time, as long as the reader reads them all, and one again
/// where he leaves some out. So at most as many are computed in vain as were read. Of each text those parts are computed that
/// he read of the last ones.
/// </summary>
/// <param name="most">The most texts at a time.</param>
/// <param name="parts">The parts that are computed together.</param>
internal sealed class LookAhead(int most, TextParts parts)
{
    private IReadOnlyList<ScoredText> _last = [];
    private int _count;

    /// <summary>The parts that are computed together.</summary>
    public TextParts Parts => parts;

    /// <summary>How many texts to compute now, and which parts of them.</summary>
    /// <param name="asked">The part that is read now.</param>
    public (int Count, TextParts Parts) Next(TextParts asked)
    {
        _count = _last.All(text => (text.Read & parts) != 0) ? Math.Min(most, Math.Max(1, 2 * _count)) : 1;
        return (_count, _last.Aggregate(asked, (wanted, text) => wanted | (text.Read & parts)));
    }

    /// <summary>Remembers what was computed.</summary>
    public void Computed(IReadOnlyList<ScoredText> texts) => _last = texts;

    /// <summary>Begins again with one.</summary>
    public void Reset() => (_last, _count) = ([], 0);
}
