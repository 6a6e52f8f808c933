using MLNet.Gpt.Hosting;

namespace MLNet.Gpt.Rows;

/// <summary>
/// Has the model compute what a reader reads of texts, each part when it is first read, together with what he will probably
/// read next: the same parts of the texts that follow. Belongs to one cursor or row, and is not safe for use by many threads.
/// </summary>
/// <param name="scorer">Knows the model.</param>
/// <param name="mostTexts">The most texts to compute together.</param>
/// <param name="cancellation">Stops the work.</param>
internal sealed class TextReading(RowScorer scorer, int mostTexts, Cancellation cancellation)
{
    private readonly LookAhead _passes = new(mostTexts, TextParts.OfOnePass);
    private readonly LookAhead _continuations = new(Math.Min(mostTexts, scorer.GenerationBatchSize), TextParts.Continuation);

    /// <summary>Computes what is missing of the parts of a text.</summary>
    /// <param name="text">The text that is read.</param>
    /// <param name="parts">What is read of it: parts that are computed together, or none.</param>
    /// <param name="gather">Returns the text, and up to so many in all with those that follow and have none of these parts.</param>
    public void Read(ScoredText text, TextParts parts, Func<ScoredText, int, TextParts, IReadOnlyList<ScoredText>> gather)
    {
        var missing = parts & ~text.Computed;
        if (missing != 0) Compute(text, missing, (missing & TextParts.Continuation) != 0 ? _continuations : _passes, gather);
        text.Read |= parts;
    }

    private void Compute(
        ScoredText text, TextParts missing, LookAhead ahead, Func<ScoredText, int, TextParts, IReadOnlyList<ScoredText>> gather)
    {
        // A text that was computed without this part tells nothing of the next ones; when they are computed, it is known that
        // the part was read.
        if ((text.Computed & ahead.Parts) != 0)
        {
            scorer.Compute([text], missing, cancellation);
            return;
        }

        var (count, parts) = ahead.Next(missing);
        var texts = gather(text, count, ahead.Parts);
        try
        {
            scorer.Compute(texts, parts, cancellation);
            ahead.Computed(texts);
        }
        catch (Exception error) when (texts.Count > 1 && IsOfOneText(error))
        {
            // Some text cannot be computed: the reader of that row learns of it, and nobody else.
            ahead.Reset();
            scorer.Compute([text], parts, cancellation);
        }
    }

    // What the model and the generator say of a text; anything else is nobody's text's fault.
    private static bool IsOfOneText(Exception error) => error is ArgumentException or InvalidOperationException and not ObjectDisposedException;
}
