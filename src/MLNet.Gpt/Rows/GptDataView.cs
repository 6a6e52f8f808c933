using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Model.OnnxConverter;

namespace MLNet.Gpt.Rows;

/// <summary>A view of the input with the computed columns added. Holds no rows.</summary>
/// <remarks>
/// It says that it is a transform so that ML.NET's conversion to ONNX, which walks back from view to view, meets it: the walk
/// would otherwise take it for the data, and write a model that copies the columns of its input.
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
        return new GptRowCursor(input.GetRowCursor(active.Dependencies, rand), mapper, active);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        mapper.Cancellation.ThrowIfRequested();
        var active = new ActiveColumns(mapper, columnsNeeded);
        return Array.ConvertAll(input.GetRowCursorSet(active.Dependencies, n, rand), cursor => (DataViewRowCursor)new GptRowCursor(cursor, mapper, active));
    }

    private static NotSupportedException CannotSaveOnnx() => new(
        $"ML.NET cannot convert a {nameof(GptTransformer)} to ONNX. Its model exports itself: transformer.Model.Export(\"model.onnx\").");
}
