using MLNet.Gpt.Hosting;

namespace MLNet.Gpt.Rows;

/// <summary>
/// Lets the model compute what the caller reads of a row, each part when it is first read, together with what the
/// caller will probably read next: the same parts of the following rows. Belongs to one cursor or row, and is not
/// thread-safe.
/// </summary>
/// <param name="window">The rows.</param>
/// <param name="scorer">Computes.</param>
/// <param name="cancellation">Stops the work.</param>
internal sealed class RowReader(RowWindow window, RowScorer scorer, Cancellation cancellation)
{
    private readonly LookAhead _passes = new(RowWindow.MostRows, TextParts.OfOnePass);
    private readonly LookAhead _continuations = new(Math.Min(RowWindow.MostRows, scorer.GenerationBatchSize), TextParts.Continuation);

    /// <summary>Returns the caller's row with some parts computed.</summary>
    /// <param name="parts">Parts of one pass, the continuation, or none.</param>
    public RowResult Read(TextParts parts)
    {
        var row = window.Current();
        var missing = parts & ~row.Result.Parts;
        if (missing != 0) Compute(row, missing);
        row.Read |= parts;
        return row.Result;
    }

    private void Compute(RowWindow.Row row, TextParts missing)
    {
        // A failure of this row's text is thrown before any other row is read.
        bool isPass = missing != TextParts.Continuation;
        _ = isPass ? row.Result.Text.LossIds.Length : row.Result.Text.Text.Length;
        var ahead = isPass ? _passes : _continuations;

        // A row that was computed without this part says nothing about the next ones; by the time they are computed, it
        // is known that the part was read.
        if ((row.Result.Parts & ahead.Parts) != 0)
        {
            Score([row], missing);
            return;
        }

        var (count, parts) = ahead.Next(missing);
        var rows = window.Gather(count, ahead.Parts);
        try
        {
            Score(rows, parts);
            ahead.Computed(rows);
        }
        catch (Exception error) when (rows.Count > 1 && IsOfOneText(error))
        {
            // One of the texts cannot be computed. The exception is thrown at that row, and at no other.
            ahead.Reset();
            Score([row], parts);
        }
    }

    private void Score(List<RowWindow.Row> rows, TextParts parts)
    {
        var results = scorer.Score([.. rows.Select(row => row.Result.Text)], parts, cancellation);
        for (int i = 0; i < rows.Count; i++) rows[i].Result = rows[i].Result.With(results[i]);
    }

    // The exceptions of the model and the generator about a text. Any other failure is unrelated to the texts.
    private static bool IsOfOneText(Exception error) =>
        error is ArgumentException or InvalidOperationException and not ObjectDisposedException;

    /// <summary>
    /// Determines how many rows to compute together: twice as many each time as long as the caller reads them all, and
    /// one again after it skipped some, so that no more rows are computed and not read than are read. The parts to
    /// compute are those that the caller read of the last rows.
    /// </summary>
    private sealed class LookAhead(int most, TextParts parts)
    {
        private IReadOnlyList<RowWindow.Row> _last = [];
        private int _count;

        /// <summary>The parts that are computed together.</summary>
        public TextParts Parts => parts;

        /// <summary>Returns the number of rows to compute now, and their parts.</summary>
        public (int Count, TextParts Parts) Next(TextParts asked)
        {
            _count = _last.All(row => (row.Read & parts) != 0) ? Math.Min(most, Math.Max(1, 2 * _count)) : 1;
            return (_count, _last.Aggregate(asked, (wanted, row) => wanted | (row.Read & parts)));
        }

        /// <summary>Remembers what was computed.</summary>
        public void Computed(IReadOnlyList<RowWindow.Row> rows) => _last = rows;

        /// <summary>Starts again with one row.</summary>
        public void Reset() => (_last, _count) = ([], 0);
    }
}
