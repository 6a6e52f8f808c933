using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Rows;

/// <summary>Walks the input's rows; the added columns are computed where they are read, those of several rows in one pass.</summary>
internal sealed class GptRowCursor : DataViewRowCursor
{
    private readonly DataViewRowCursor _input;
    private readonly RowWindow _window;
    private readonly MappedColumns _columns;

    public GptRowCursor(DataViewRowCursor input, GptRowMapper mapper, ActiveColumns active)
    {
        _input = input;
        _window = new(input, active.OfInput, active.TextColumn, mapper.Scorer, mapper.Cancellation);
        _columns = new(mapper, active, _window);
    }

    public override DataViewSchema Schema => _columns.Schema;

    public override long Position => _window.Position;

    public override long Batch => _window.Batch;

    public override bool MoveNext() => _window.MoveNext();

    public override bool IsColumnActive(DataViewSchema.Column column) => _columns.IsActive(column);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => _columns.GetGetter<TValue>(column);

    public override ValueGetter<DataViewRowId> GetIdGetter() => _window.GetId;

    protected override void Dispose(bool disposing)
    {
        if (disposing) _input.Dispose();
        base.Dispose(disposing);
    }
}
