using System.Runtime.ExceptionServices;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Hosting;

namespace MLNet.Gpt.Rows;

/// <summary>
/// The rows between the caller's and the input's position. Over its own cursor, the window reads ahead if several texts
/// are to be computed together, and keeps the values of the rows until the caller has passed them too; the input is
/// read once. A failure belongs to its row and column: it is thrown when the caller reads them, and the input is not
/// read again. Over a row that its owner moves, the window contains only that row.
/// </summary>
internal sealed class RowWindow
{
    /// <summary>
    /// The maximum number of rows in a window: enough short texts to fill a pass, few enough to keep.
    /// </summary>
    public const int MostRows = 64;

    // About 2,000 tokens of English, above which a longer pass gains nothing.
    private const int MostCharacters = 8192;

    private readonly DataViewRow _input;
    private readonly DataViewRowCursor? _cursor;
    private readonly RowScorer _scorer;
    private readonly Cancellation _cancellation;
    private readonly ValueGetter<ReadOnlyMemory<char>>? _getText, _getSecond;
    private readonly ValueGetter<DataViewRowId> _getId;
    private readonly Dictionary<int, BufferedColumn> _columns;
    private readonly List<Row> _rows = []; // those that the cursor has passed, and its own if the text is known
    private int _index, _rowCount, _storedCount;
    private bool _isAtEnd;
    private ExceptionDispatchInfo? _failure; // of moving the cursor past the window's last row

    /// <param name="input">The input's row.</param>
    /// <param name="cursor">
    /// The same row as a cursor that this window moves; <see langword="null"/> if its owner moves it.
    /// </param>
    /// <param name="columns">The active columns.</param>
    /// <param name="scorer">Wraps the texts.</param>
    /// <param name="cancellation">Stops the work.</param>
    public RowWindow(DataViewRow input, DataViewRowCursor? cursor, ActiveColumns columns, RowScorer scorer, Cancellation cancellation)
    {
        (_input, _cursor, _scorer, _cancellation) = (input, cursor, scorer, cancellation);
        _columns = columns.OfInput.ToDictionary(column => column.Index, column => BufferedColumn.Create(input, column));
        _getText = columns.TextColumn is { } text ? input.GetGetter<ReadOnlyMemory<char>>(text) : null;
        _getSecond = columns.SecondColumn is { } second ? input.GetGetter<ReadOnlyMemory<char>>(second) : null;
        _getId = input.GetIdGetter();
    }

    public long Position => StoredSlot is { } slot ? _rows[slot].Position : _input.Position;

    public long Batch => StoredSlot is { } slot ? _rows[slot].Batch : _input.Batch;

    // The slot with the values of the caller's row; null if the input is at that row.
    private int? StoredSlot => _index < _storedCount ? _index : null;

    public void GetId(ref DataViewRowId id)
    {
        if (StoredSlot is { } slot) id = _rows[slot].Id;
        else _getId(ref id);
    }

    /// <summary>Reads an active input column at the caller's row.</summary>
    public ValueGetter<T> GetInputGetter<T>(DataViewSchema.Column column) => _columns[column.Index] is BufferedColumn<T> buffered
        ? buffered.CreateGetter(() => StoredSlot)
        : throw new InvalidOperationException($"Column '{column.Name}' is of type {column.Type}; it cannot be read as {typeof(T)}.");

    public bool MoveNext()
    {
        _cancellation.ThrowIfRequested();
        if (_index + 1 < _rowCount)
        {
            _index++;
            return true;
        }

        _failure?.Throw();
        _rows.Clear();
        _index = _rowCount = _storedCount = 0;
        if (_isAtEnd || !_cursor!.MoveNext())
        {
            _isAtEnd = true;
            return false;
        }

        _rowCount = 1;
        return true;
    }

    /// <summary>The caller's row.</summary>
    public Row Current() => _cursor is null ? Shared() : RowAt(_index);

    /// <summary>Returns the caller's row and rows after it that can be encoded and lack some parts.</summary>
    /// <param name="most">The maximum number of rows.</param>
    /// <param name="parts">The parts.</param>
    public List<Row> Gather(int most, TextParts parts)
    {
        var rows = new List<Row> { _rows[_index] };
        int characters = rows[0].Result.Text.Text.Length;
        for (int i = _index + 1; rows.Count < most && characters < MostCharacters && (i < _rowCount || TryAdvance()); i++)
        {
            var row = RowAhead(i);
            if ((row.Result.Parts & parts) != 0 || !row.Result.Text.TryEncode()) continue;
            rows.Add(row);
            characters += row.Result.Text.Text.Length;
        }

        return rows;
    }

    // A row that its owner moves is read each time, because its text may change while its position does not.
    private Row Shared()
    {
        var text = ReadText();
        if (_rows is [var known] && known.Position == _input.Position && known.Result.Text.HasTextsOf(text)) return known;
        var row = new Row(text) { Position = _input.Position };
        _rows.Clear();
        _rows.Add(row);
        return row;
    }

    private Row RowAt(int index)
    {
        if (index < _rows.Count) return _rows[index];
        var row = new Row(ReadText()); // the input is at this row; the rows that it has passed are known
        _rows.Add(row);
        return row;
    }

    private RowText ReadText()
    {
        ReadOnlyMemory<char> text = default, second = default;
        _getText!(ref text);
        if (_getSecond is null) return _scorer.Read(text);
        _getSecond(ref second);
        return _scorer.Read(text, second);
    }

    private Row RowAhead(int index)
    {
        try
        {
            return RowAt(index);
        }
        catch (Exception error) when (Failures.CanWait(error))
        {
            var row = new Row(_scorer.Unreadable(ExceptionDispatchInfo.Capture(error)));
            _rows.Add(row);
            return row;
        }
    }

    // Stores the values at the cursor's row and moves it to the next one. Returns false if there is none.
    private bool TryAdvance()
    {
        if (_isAtEnd || _cursor is null) return false;
        int slot = _rowCount - 1;
        var row = RowAhead(slot);
        foreach (var column in _columns.Values) column.Store(slot);
        DataViewRowId id = default;
        _getId(ref id);
        (row.Position, row.Batch, row.Id) = (_cursor.Position, _cursor.Batch, id);
        _storedCount = _rowCount;
        try
        {
            _isAtEnd = !_cursor.MoveNext();
        }
        catch (Exception error) when (Failures.CanWait(error))
        {
            _isAtEnd = true;
            _failure = ExceptionDispatchInfo.Capture(error);
        }

        if (_isAtEnd) return false;
        _rowCount++;
        return true;
    }

    /// <summary>A row whose text is known. Belongs to one cursor or row, and like it is not thread-safe.</summary>
    internal sealed class Row(RowText text)
    {
        /// <summary>What has been computed so far, for this row alone or together with others.</summary>
        public RowResult Result { get; set; } = new(text);

        /// <summary>The parts that the caller has read.</summary>
        public TextParts Read { get; set; }

        public long Position { get; set; }

        public long Batch { get; set; }

        public DataViewRowId Id { get; set; }
    }
}
