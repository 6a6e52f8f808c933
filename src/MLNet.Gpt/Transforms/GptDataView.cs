using Microsoft.ML;

namespace MLNet.Gpt.Transforms;

/// <summary>A view of the input with the computed columns added. Holds no rows.</summary>
internal sealed class GptDataView(IDataView input, GptRowMapper mapper) : IDataView
{
    public DataViewSchema Schema => mapper.OutputSchema;

    public bool CanShuffle => input.CanShuffle;

    public long? GetRowCount() => input.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        mapper.Cancellation.ThrowIfRequested();
        var active = new ActiveColumns(mapper, columnsNeeded);
        return new GptRowCursor(input.GetRowCursor(active.Dependencies, rand), mapper, active);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        mapper.Cancellation.ThrowIfRequested();
        var active = new ActiveColumns(mapper, columnsNeeded);
        return Array.ConvertAll(input.GetRowCursorSet(active.Dependencies, n, rand), cursor => (DataViewRowCursor)new GptRowCursor(cursor, mapper, active));
    }
}
