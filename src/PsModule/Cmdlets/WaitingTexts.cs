using System.Diagnostics;

namespace MLNetGpt.Cmdlets;

/// <summary>
/// Texts that came in quick succession and wait to go through the model together. The first text, and one that comes after
/// a pause, does not wait.
/// </summary>
/// <param name="batchLength">The length of all waiting texts at which they are due: about that of one pass of the model.</param>
internal sealed class WaitingTexts(int batchLength)
{
    private static readonly TimeSpan BatchTime = TimeSpan.FromMilliseconds(200);

    private readonly List<WaitingText> _texts = [];
    private long? _lastBatch;
    private int _length;

    /// <summary>Texts so far, waiting or not.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="source">The file that it came from, or <see langword="null"/>.</param>
    /// <param name="length">What it adds to the batch, in the unit of its length.</param>
    /// <param name="ids">Its tokens, where they are known.</param>
    /// <param name="context">What precedes it, where it is scored as a continuation.</param>
    /// <returns>Whether the waiting texts are due.</returns>
    public bool Add(string text, string? source, int length, int[]? ids = null, string? context = null)
    {
        _texts.Add(new(text, source, Count++, ids ?? [], context));
        _length += length;
        return _length >= batchLength || _lastBatch is not { } last || Stopwatch.GetElapsedTime(last) >= BatchTime;
    }

    /// <summary>Returns the waiting texts, which no longer wait.</summary>
    public WaitingText[] Take()
    {
        WaitingText[] texts = [.. _texts];
        _texts.Clear();
        _length = 0;
        return texts;
    }

    /// <summary>Notes that a batch has just been processed.</summary>
    public void EndBatch() => _lastBatch = Stopwatch.GetTimestamp();
}

/// <summary>A text that waits.</summary>
/// <param name="Text">The text.</param>
/// <param name="Source">The file that it came from, or <see langword="null"/>.</param>
/// <param name="Index">Its index among the texts of the call, from 0.</param>
/// <param name="Ids">Its tokens; empty where they are not known.</param>
/// <param name="Context">What precedes it; <see langword="null"/> where it is not scored as a continuation.</param>
internal sealed record WaitingText(string Text, string? Source, int Index, int[] Ids, string? Context)
{
    /// <summary>What an error about it names.</summary>
    public string Target => Source ?? Text;
}
