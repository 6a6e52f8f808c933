using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Transforms;

/// <summary>Reads a column's value from a scored row into a buffer that the caller may reuse.</summary>
internal delegate void RowReader<T>(ScoredRow row, ref T value);

/// <summary>One column that the transformer adds: its schema, and how its value is had from a row.</summary>
internal abstract class OutputColumn(string name, DataViewType type, DataViewSchema.Annotations? annotations)
{
    public string Name { get; } = name;

    public DataViewType Type { get; } = type;

    public DataViewSchema.Annotations? Annotations { get; } = annotations;

    /// <summary>A <see cref="ValueGetter{TValue}"/> of the column's raw type.</summary>
    public abstract Delegate CreateGetter(ScoredRow row);

    /// <summary>A column whose reader computes a value of the type's raw type.</summary>
    public static OutputColumn Create<T>(string name, DataViewType type, RowReader<T> read, DataViewSchema.Annotations? annotations = null) =>
        new Column<T>(name, type, read, annotations);

    private sealed class Column<T>(string name, DataViewType type, RowReader<T> read, DataViewSchema.Annotations? annotations)
        : OutputColumn(name, type, annotations)
    {
        public override Delegate CreateGetter(ScoredRow row) => (ValueGetter<T>)((ref T value) => read(row, ref value));
    }
}
