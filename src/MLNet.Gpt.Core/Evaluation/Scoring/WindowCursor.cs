namespace MLNet.Gpt.Evaluation.Scoring;

/// <summary>Lays windows over a text whose end need not be known yet. Every target falls to exactly one window.</summary>
/// <param name="length">Tokens of a window.</param>
/// <param name="stride">Tokens from window to window; at most the length.</param>
/// <param name="last">Where the last begins.</param>
internal sealed class WindowCursor(int length, int stride, LastWindow last)
{
    private long _next;

    /// <summary>Targets that have been given to windows so far; target i is the token at place i, of which there is none at 0.</summary>
    public long ScoredCount { get; private set; }

    /// <summary>Place of the first token that a later window may need.</summary>
    public long FirstNeeded => Math.Max(0, Math.Min(_next, ScoredCount + 1 - length));

    /// <summary>The next window, if the tokens there are suffice for it.</summary>
    /// <param name="targetCount">Tokens there are, less the first, which is no target.</param>
    /// <param name="isWhole">Whether no more will come.</param>
    /// <param name="window">The window.</param>
    public bool TryNext(long targetCount, bool isWhole, out ScoringWindow window)
    {
        window = default;
        if (ScoredCount >= targetCount) return false;

        long start = _next, count = length;
        if (start + length > targetCount)
        {
            if (!isWhole) return false;
            if (last == LastWindow.AtEnd) start = Math.Max(0, targetCount - length);
            count = targetCount - start;
        }

        window = new(start, (int)count, (int)(ScoredCount - start));
        ScoredCount = window.End;
        _next += stride;
        return true;
    }
}
