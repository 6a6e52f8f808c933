using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Model.OnnxConverter;

namespace MLNet.Gpt.Rows;

/// <summary>A view of the input with the computed columns added. It does not store rows.</summary>
/// <remarks>
/// It is a transform so that ML.NET's conversion to ONNX, which walks back from view to view, finds it. Otherwise
/// ML.NET would take it for the data, and write a model that copies its input columns.
/// </remarks>
internal sealed class GptDataView(IDataView input, GptRowMapper mapper) : IDataTransform, ITransformCanSaveOnnx
{
    public IDataView Source => input;

    public DataViewSchema Schema => mapper.OutputSchema;

    public bool CanShuffle => input.CanShuffle;

    public long? GetRowCount() => input.GetRowCount();

    bool ICanSaveOnnx.CanSaveOnnx(OnnxContext ctx) => throw CannotSaveOnnx();

    void ISaveAsOnnx.SaveAsOnnx(OnnxContext ctx) => throw CannotSaveOnnx();

    void ICanSaveModel.Save(ModelSaveContext ctx) => mapper.Save(ctx);

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        mapper.Cancellation.ThrowIfRequested();
        var active = new ActiveColumns(mapper, columnsNeeded);
        return new Cursor(input.GetRowCursor(active.Dependencies, rand), mapper, active);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        mapper.Cancellation.ThrowIfRequested();
        var active = new ActiveColumns(mapper, columnsNeeded);
        return [.. input.GetRowCursorSet(active.Dependencies, n, rand).Select(cursor => new Cursor(cursor, mapper, active))];
    }

    private static NotSupportedException CannotSaveOnnx() => new(
        "ML.NET cannot convert a GPT transformer to ONNX. Its model exports itself: transformer.Model.Export(\"model.onnx\").");

    /// <summary>
    /// A cursor over the input's rows. The added columns are computed when they are read, those of several rows in one
    /// pass.
    /// </summary>
    private sealed class Cursor : DataViewRowCursor
    {
        private readonly DataViewRowCursor _input;
        private readonly ActiveColumns _columns;
        private readonly RowWindow _window;
        private readonly RowReader _reader;

        public Cursor(DataViewRowCursor input, GptRowMapper mapper, ActiveColumns columns)
        {
            (_input, _columns, Schema) = (input, columns, mapper.OutputSchema);
            _window = new(input, input, columns, mapper.Scorer, mapper.Cancellation);
            _reader = new(_window, mapper.Scorer, mapper.Cancellation);
        }

        public override DataViewSchema Schema { get; }

        public override long Position => _window.Position;

        public override long Batch => _window.Batch;

        public override bool MoveNext() => _window.MoveNext();

        public override bool IsColumnActive(DataViewSchema.Column column) => _columns.Contains(column);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) =>
            _columns.GetGetter<TValue>(column, _window, _reader);

        public override ValueGetter<DataViewRowId> GetIdGetter() => _window.GetId;

        protected override void Dispose(bool disposing)
        {
            if (disposing) _input.Dispose();
            base.Dispose(disposing);
        }
    }
}
