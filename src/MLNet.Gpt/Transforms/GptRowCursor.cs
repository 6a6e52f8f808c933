using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Transforms;

/// <summary>Walks the input's rows and computes the added columns of the row it stands on.</summary>
internal sealed class GptRowCursor : DataViewRowCursor
{
    private readonly DataViewRowCursor _input;
    private readonly MappedColumns _columns;

    public GptRowCursor(DataViewRowCursor input, GptRowMapper mapper, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        _input = input;
        _columns = new(input, mapper, activeColumns);
    }

    public override DataViewSchema Schema => _columns.Schema;

    public override long Position => _input.Position;

    public override long Batch => _input.Batch;

    public override bool MoveNext() => _input.MoveNext();

    public override bool IsColumnActive(DataViewSchema.Column column) => _columns.IsActive(column);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => _columns.GetGetter<TValue>(column);

    public override ValueGetter<DataViewRowId> GetIdGetter() => _input.GetIdGetter();

    protected override void Dispose(bool disposing)
    {
        if (disposing) _input.Dispose();
        base.Dispose(disposing);
    }
}
