using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Transforms;

/// <summary>
/// The rows from the one that the reader stands on to the one that the input's cursor stands on. The cursor goes ahead where the model is asked for
/// a text, so that several are computed in one pass; the values of the rows that it leaves are kept until the reader has passed them. The input is
/// gone through once.
/// </summary>
internal sealed class RowWindow : IRowSource, ITextBatcher
{
    // Enough short texts to fill a pass; few enough to be kept.
    private const int MostRows = 64;

    // About 2,000 tokens of English, after which a pass gains nothing by being longer.
    private const int MostCharacters = 8192;

    private readonly DataViewRowCursor _input;
    private readonly RowScorer _scorer;
    private readonly TextParts _parts;
    private readonly Cancellation _cancellation;
    private readonly ValueGetter<ReadOnlyMemory<char>>? _getText;
    private readonly ValueGetter<DataViewRowId> _getId;
    private readonly Dictionary<int, BufferedColumn> _columns;
    private readonly LookAhead _computing = new(MostRows, text => text.WasRead);
    private readonly LookAhead _generating;
    private readonly List<Slot> _slots = []; // of the rows that the cursor has left, and of its own where the text is known
    private readonly List<ScoredText?> _texts = [];
    private int _index, _rowCount, _storedCount;
    private bool _isAtEnd;

    /// <param name="input">The input's cursor.</param>
    /// <param name="activeColumns">Its active columns that are handed on.</param>
    /// <param name="textColumn">The column of text; <see langword="null"/> where no computed column is active.</param>
    /// <param name="scorer">Knows the model.</param>
    /// <param name="parts">What the active columns need of the model.</param>
    /// <param name="cancellation">Stops the work.</param>
    public RowWindow(
        DataViewRowCursor input, IEnumerable<DataViewSchema.Column> activeColumns, DataViewSchema.Column? textColumn, RowScorer scorer, TextParts parts, Cancellation cancellation)
    {
        _input = input;
        _scorer = scorer;
        _parts = parts;
        _cancellation = cancellation;
        _columns = activeColumns.ToDictionary(column => column.Index, column => BufferedColumn.Create(input, column));
        _getText = textColumn is { } text ? input.GetGetter<ReadOnlyMemory<char>>(text) : null;
        _getId = input.GetIdGetter();
        _generating = new(scorer.GenerationBatchSize, text => text.WasGeneratedTextRead);
    }

    /// <summary>Where the values of the reader's row are kept; <see langword="null"/> where the input stands on that row.</summary>
    public int? BufferedSlot => _index < _storedCount ? _index : null;

    public long Position => BufferedSlot is { } slot ? _slots[slot].Position : _input.Position;

    public long Batch => BufferedSlot is { } slot ? _slots[slot].Batch : _input.Batch;

    public ScoredText Current => TextAt(_index);

    public bool MoveNext()
    {
        _cancellation.ThrowIfRequested();
        if (_index + 1 < _rowCount)
        {
            _index++;
            return true;
        }

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

    public void Compute(ScoredText text) => Run(_computing, text, each => each.IsComputed, texts => _scorer.Compute(texts, _parts, _cancellation));

    public void Generate(ScoredText text) => Run(_generating, text, each => each.IsGenerated, texts => _scorer.Generate(texts, _cancellation));

    private void Run(LookAhead lookAhead, ScoredText first, Func<ScoredText, bool> isDone, Action<IReadOnlyList<ScoredText>> compute)
    {
        var texts = Gather(first, lookAhead.NextCount(), isDone);
        try
        {
            compute(texts);
            lookAhead.Computed(texts);
        }
        catch (Exception error) when (texts.Count > 1 && error is not OperationCanceledException)
        {
            // Some text cannot be computed; whoever reads that row learns of it, and nobody else.
            lookAhead.Reset();
            compute([first]);
        }
    }

    private List<ScoredText> Gather(ScoredText first, int most, Func<ScoredText, bool> isDone)
    {
        var texts = new List<ScoredText> { first };
        int characters = first.Text.Length;
        for (int row = _index + 1; texts.Count < most && characters < MostCharacters && (row < _rowCount || TryAdvance()); row++)
        {
            var text = TextAt(row);
            if (isDone(text)) continue;
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
        var scored = new ScoredText(_scorer, this, text);
        _texts[row] = scored;
        return scored;
    }

    // Keeps the input's row and goes to the next. False where there is none, or where the row cannot be kept: then it stays the input's own.
    private bool TryAdvance()
    {
        if (_isAtEnd) return false;
        int slot = _rowCount - 1;
        try
        {
            _ = TextAt(slot);
            foreach (var column in _columns.Values) column.Store(slot);
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            return false;
        }

        DataViewRowId id = default;
        _getId(ref id);
        _slots.Add(new(_input.Position, _input.Batch, id));
        _storedCount = _rowCount;
        _isAtEnd = !_input.MoveNext();
        if (_isAtEnd) return false;
        _rowCount++;
        return true;
    }

    private readonly record struct Slot(long Position, long Batch, DataViewRowId Id);
}
