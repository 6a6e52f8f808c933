namespace MLNet.Gpt.Evaluation.Scoring;

/// <summary>A run of tokens that the model processes at once.</summary>
/// <param name="Start">The index of its first token in the text's ids.</param>
/// <param name="Length">The number of input tokens; the last of them predicts the token after the window.</param>
/// <param name="ContextCount">The number of input tokens, from the first, whose next token an earlier window has scored.</param>
internal readonly record struct ScoringWindow(long Start, int Length, int ContextCount)
{
    /// <summary>The index of the token after the window, which is its last target.</summary>
    public long End => Start + Length;
}

/// <summary>
/// Divides a text, whose end need not be known yet, into windows. Every target belongs to exactly one window.
/// </summary>
/// <param name="length">Tokens per window.</param>
/// <param name="stride">Tokens from the start of a window to that of the next; at most the length.</param>
/// <param name="last">Where the last window begins.</param>
internal sealed class WindowCursor(int length, int stride, LastWindow last)
{
    private long _next;

    /// <summary>The number of targets in the windows so far; target i is the token at index i, and there is none at 0.</summary>
    public long ScoredCount { get; private set; }

    /// <summary>The index of the first token that a later window may need.</summary>
    public long FirstNeeded => Math.Max(0, Math.Min(_next, ScoredCount + 1 - length));

    /// <summary>Returns the next window, if the tokens suffice for it.</summary>
    /// <param name="targetCount">The number of tokens so far except the first, which is not a target.</param>
    /// <param name="isWhole">Whether the text has no more tokens.</param>
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
