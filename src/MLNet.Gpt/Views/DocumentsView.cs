using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Data;

namespace MLNet.Gpt.Views;

/// <summary>
/// Documents as rows: their text, and the file that each comes from. Each cursor reads them from the beginning, one at
/// a time.
/// </summary>
/// <param name="textColumnName">The column of text.</param>
/// <param name="fileColumnName">The column of the file's name; <see langword="null"/> for none.</param>
/// <param name="documents">Reads the documents.</param>
/// <param name="rowCount">Their number, if it is known in advance.</param>
internal sealed class DocumentsView(
    string textColumnName, string? fileColumnName, Func<IEnumerable<TextDocument>> documents, long? rowCount) : IDataView
{
    public DataViewSchema Schema { get; } = CreateSchema(textColumnName, fileColumnName);

    public bool CanShuffle => false;

    public long? GetRowCount() => rowCount;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) =>
        new Cursor(Schema, [.. columnsNeeded.Select(column => column.Index)], documents().GetEnumerator());

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) =>
        [GetRowCursor(columnsNeeded)];

    private static DataViewSchema CreateSchema(string textColumnName, string? fileColumnName)
    {
        if (textColumnName == fileColumnName)
        {
            throw new ArgumentException($"Both columns are named '{textColumnName}'; names must differ.", nameof(fileColumnName));
        }

        var builder = new DataViewSchema.Builder();
        builder.AddColumn(textColumnName, TextDataViewType.Instance);
        if (fileColumnName is not null) builder.AddColumn(fileColumnName, TextDataViewType.Instance);
        return builder.ToSchema();
    }

    private sealed class Cursor(DataViewSchema schema, int[] active, IEnumerator<TextDocument> documents) : DataViewRowCursor
    {
        private long _position = -1;

        public override DataViewSchema Schema => schema;

        public override long Position => _position;

        public override long Batch => 0;

        public override bool MoveNext()
        {
            bool isThere = documents.MoveNext();
            _position = isThere ? _position + 1 : -1;
            return isThere;
        }

        public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column.Index);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            if (!IsColumnActive(column))
            {
                throw new ArgumentException(
                    $"Column '{column.Name}' is not active; request it when creating the cursor.", nameof(column));
            }

            ValueGetter<ReadOnlyMemory<char>> getter = column.Index == 0
                ? (ref ReadOnlyMemory<char> value) => value = documents.Current.Text.AsMemory()
                : (ref ReadOnlyMemory<char> value) => value = documents.Current.FileName.AsMemory();
            return getter as ValueGetter<TValue>
                ?? throw new InvalidOperationException(
                    $"Column '{column.Name}' is of type {column.Type}; it cannot be read as {typeof(TValue)}.");
        }

        public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId id) => id = new((ulong)_position, 0);

        protected override void Dispose(bool disposing)
        {
            if (disposing) documents.Dispose();
            base.Dispose(disposing);
        }
    }
}
