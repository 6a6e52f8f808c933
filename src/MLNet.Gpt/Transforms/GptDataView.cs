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
        DataViewSchema.Column[] needed = [.. columnsNeeded];
        return new GptRowCursor(input.GetRowCursor(mapper.GetDependencies(needed), rand), mapper, needed);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        DataViewSchema.Column[] needed = [.. columnsNeeded];
        var cursors = input.GetRowCursorSet(mapper.GetDependencies(needed), n, rand);
        return Array.ConvertAll(cursors, cursor => (DataViewRowCursor)new GptRowCursor(cursor, mapper, needed));
    }
}
