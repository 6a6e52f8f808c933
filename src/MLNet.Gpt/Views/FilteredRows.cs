using MLNet.Gpt.Configuration;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Views;

/// <summary>Some rows of a view, chosen by their positions, in the order of the view.</summary>
/// <param name="input">A view with the same order of rows each time.</param>
/// <param name="isKept">Whether to keep the row at a position, from 0.</param>
/// <param name="rowCount">The number of rows of the input when positions were chosen.</param>
internal sealed class FilteredRows(IDataView input, Func<int, bool> isKept, int rowCount) : IDataView
{
    public DataViewSchema Schema => input.Schema;

    public bool CanShuffle => false;

    public long? GetRowCount() => Enumerable.Range(0, rowCount).LongCount(isKept);

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) =>
        new Cursor(input.GetRowCursor(columnsNeeded), isKept, rowCount);

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) =>
        [GetRowCursor(columnsNeeded)];

    private sealed class Cursor(DataViewRowCursor input, Func<int, bool> isKept, int rowCount) : DataViewRowCursor
    {
        private int _inputPosition = -1;
        private long _position = -1;

        public override DataViewSchema Schema => input.Schema;

        public override long Position => _position;

        public override long Batch => 0;

        public override bool MoveNext()
        {
            while (input.MoveNext())
            {
                if (++_inputPosition >= rowCount)
                {
                    throw new InvalidOperationException(
                        $"The data had {Quantity.Of(rowCount, "row")} when they were divided into folds, but now has more.");
                }

                if (!isKept(_inputPosition)) continue;
                _position++;
                return true;
            }

            _position = -1;
            return false;
        }

        public override bool IsColumnActive(DataViewSchema.Column column) => input.IsColumnActive(column);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => input.GetGetter<TValue>(column);

        public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

        protected override void Dispose(bool disposing)
        {
            if (disposing) input.Dispose();
            base.Dispose(disposing);
        }
    }
}
