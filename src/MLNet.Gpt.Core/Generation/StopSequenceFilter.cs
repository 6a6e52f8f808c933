namespace MLNet.Gpt.Generation;

/// <summary>
/// Forwards text, but holds back what could be the beginning of a stop sequence, and ends at the first one.
/// </summary>
internal sealed class StopSequenceFilter(IReadOnlyList<string> stopSequences)
{
    private string _held = "";

    /// <summary>Whether a stop sequence has appeared; text after it is ignored.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>Takes text and returns the part that certainly precedes every stop sequence.</summary>
    public string Append(string text)
    {
        if (IsStopped || text.Length == 0) return "";
        _held += text;

        int stop = -1;
        foreach (string sequence in stopSequences)
        {
            int found = _held.IndexOf(sequence, StringComparison.Ordinal);
            if (found >= 0 && (stop < 0 || found < stop)) stop = found;
        }

        if (stop >= 0)
        {
            IsStopped = true;
            return Release(stop);
        }

        int final = _held.Length;
        foreach (string sequence in stopSequences) final = Math.Min(final, _held.Length - LongestBeginningAtEnd(_held, sequence));
        return Release(final);
    }

    /// <summary>Ends the text and returns what was held back; nothing after a stop sequence.</summary>
    public string Flush() => IsStopped ? "" : Release(_held.Length);

    private string Release(int length)
    {
        string released = _held[..length];
        _held = IsStopped ? "" : _held[length..];
        return released;
    }

    private static int LongestBeginningAtEnd(string text, string sequence)
    {
        int length = Math.Min(text.Length, sequence.Length - 1);
        while (!text.AsSpan(text.Length - length).SequenceEqual(sequence.AsSpan(0, length))) length--;
        return length;
    }
}
