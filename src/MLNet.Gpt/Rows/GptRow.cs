using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Rows;

/// <summary>One row with the computed columns, over an input row that somebody else moves.</summary>
internal sealed class GptRow : DataViewRow
{
    private readonly DataViewRow _input;
    private readonly MappedColumns _columns;

    public GptRow(DataViewRow input, GptRowMapper mapper, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        _input = input;
        var active = new ActiveColumns(mapper, activeColumns);
        _columns = new(mapper, active, new SingleRow(input, active.TextColumn, mapper.Scorer, mapper.Cancellation));
    }

    public override DataViewSchema Schema => _columns.Schema;

    public override long Position => _input.Position;

    public override long Batch => _input.Batch;

    public override bool IsColumnActive(DataViewSchema.Column column) => _columns.IsActive(column);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => _columns.GetGetter<TValue>(column);

    public override ValueGetter<DataViewRowId> GetIdGetter() => _input.GetIdGetter();

    protected override void Dispose(bool disposing)
    {
        if (disposing) _input.Dispose();
        base.Dispose(disposing);
    }
}
