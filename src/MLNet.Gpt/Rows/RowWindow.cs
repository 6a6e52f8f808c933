using System.Runtime.ExceptionServices;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Hosting;

namespace MLNet.Gpt.Rows;

/// <summary>
/// The rows from the one that the reader stands on to the one that the input's cursor stands on. The cursor goes ahead where
/// the model is asked for a text, so that several are computed in one pass; the values of the rows that it leaves are kept
/// until the reader has passed them. The input is gone through once. What fails on the way belongs to its row and column: it is
/// thrown where the reader reads them, and the input is not asked again.
/// </summary>
internal sealed class RowWindow : IRowSource
{
    // Enough short texts to fill a pass; few enough to be kept.
    private const int MostRows = 64;

    // About 2,000 tokens of English, after which a pass gains nothing by being longer.
    private const int MostCharacters = 8192;

    private readonly DataViewRowCursor _input;
    private readonly RowScorer _scorer;
    private readonly Cancellation _cancellation;
    private readonly ValueGetter<ReadOnlyMemory<char>>? _getText;
    private readonly ValueGetter<DataViewRowId> _getId;
    private readonly Dictionary<int, BufferedColumn> _columns;
    private readonly TextReading _reading;
    private readonly Func<ScoredText, int, TextParts, IReadOnlyList<ScoredText>> _gather;
    private readonly List<Slot> _slots = []; // of the rows that the cursor has left, and of its own where the text is known
    private readonly List<ScoredText?> _texts = [];
    private int _index, _rowCount, _storedCount;
    private bool _isAtEnd;
    private ExceptionDispatchInfo? _failure; // of the input's step past its last row

    /// <param name="input">The input's cursor.</param>
    /// <param name="activeColumns">Its active columns that are handed on.</param>
    /// <param name="textColumn">The column of text; <see langword="null"/> where no computed column is active.</param>
    /// <param name="scorer">Knows the model.</param>
    /// <param name="cancellation">Stops the work.</param>
    public RowWindow(
        DataViewRowCursor input,
        IEnumerable<DataViewSchema.Column> activeColumns,
        DataViewSchema.Column? textColumn,
        RowScorer scorer,
        Cancellation cancellation)
    {
        _input = input;
        _scorer = scorer;
        _cancellation = cancellation;
        _columns = activeColumns.ToDictionary(column => column.Index, column => BufferedColumn.Create(input, column));
        _getText = textColumn is { } text ? input.GetGetter<ReadOnlyMemory<char>>(text) : null;
        _getId = input.GetIdGetter();
        _reading = new(scorer, MostRows, cancellation);
        _gather = Gather;
    }

    /// <summary>Where the values of the reader's row are kept; <see langword="null"/> where the input stands on that row.</summary>
    public int? BufferedSlot => _index < _storedCount ? _index : null;

    public long Position => BufferedSlot is { } slot ? _slots[slot].Position : _input.Position;

    public long Batch => BufferedSlot is { } slot ? _slots[slot].Batch : _input.Batch;

    /// <summary>
    /// Whether a failure ahead of the reader may wait until he gets there. A machine that is out of memory, and work that is to
    /// stop, may not.
    /// </summary>
    public static bool MayWait(Exception error) => error is not (OutOfMemoryException or OperationCanceledException);

    public ScoredText Read(TextParts parts)
    {
        var text = TextAt(_index);
        text.Failure?.Throw();
        _reading.Read(text, parts, _gather);
        return text;
    }

    public bool MoveNext()
    {
        _cancellation.ThrowIfRequested();
        if (_index + 1 < _rowCount)
        {
            _index++;
            return true;
        }

        _failure?.Throw();
        _texts.Clear();
        _slots.Clear();
        _index = _rowCount = _storedCount = 0;
        if (_isAtEnd || !_input.MoveNext())
        {
            _isAtEnd = true;
            return false;
        }

        _rowCount = 1;
        return true;
    }

    public void GetId(ref DataViewRowId id)
    {
        if (BufferedSlot is { } slot) id = _slots[slot].Id;
        else _getId(ref id);
    }

    public ValueGetter<T> GetInputGetter<T>(DataViewSchema.Column column) => _columns[column.Index] is BufferedColumn<T> buffered
        ? buffered.CreateGetter(this)
        : throw new InvalidOperationException($"Column '{column.Name}' is of type {column.Type}; it cannot be read as {typeof(T)}.");

    // The text of the reader's row, and of rows after it that have nothing of these parts and can be encoded.
    private List<ScoredText> Gather(ScoredText first, int most, TextParts parts)
    {
        var texts = new List<ScoredText> { first };
        int characters = first.Text.Length;
        for (int row = _index + 1; texts.Count < most && characters < MostCharacters && (row < _rowCount || TryAdvance()); row++)
        {
            var text = TextAhead(row);
            if ((text.Computed & parts) != 0 || !text.TryEncode()) continue;
            texts.Add(text);
            characters += text.Text.Length;
        }

        return texts;
    }

    private ScoredText TextAt(int row)
    {
        while (_texts.Count <= row) _texts.Add(null);
        if (_texts[row] is { } known) return known;
        ReadOnlyMemory<char> text = default;
        _getText!(ref text); // The row is the input's own: those that it has left behind are known.
        var scored = new ScoredText(_scorer, text);
        _texts[row] = scored;
        return scored;
    }

    private ScoredText TextAhead(int row)
    {
        try
        {
            return TextAt(row);
        }
        catch (Exception error) when (MayWait(error))
        {
            return _texts[row] = new(_scorer, default, ExceptionDispatchInfo.Capture(error));
        }
    }

    // Keeps the input's row and goes to the next. False where there is none.
    private bool TryAdvance()
    {
        if (_isAtEnd) return false;
        int slot = _rowCount - 1;
        _ = TextAhead(slot);
        foreach (var column in _columns.Values) column.Store(slot);
        DataViewRowId id = default;
        _getId(ref id);
        _slots.Add(new(_input.Position, _input.Batch, id));
        _storedCount = _rowCount;
        try
        {
            _isAtEnd = !_input.MoveNext();
        }
        catch (Exception error) when (MayWait(error))
        {
            _isAtEnd = true;
            _failure = ExceptionDispatchInfo.Capture(error);
        }

        if (_isAtEnd) return false;
        _rowCount++;
        return true;
    }

    private readonly record struct Slot(long Position, long Batch, DataViewRowId Id);
}
