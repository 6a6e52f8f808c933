using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Rows;

/// <summary>Copies a column's value from a row's result into a buffer that the caller may reuse.</summary>
internal delegate void ResultReader<T>(RowResult row, ref T value);

/// <summary>A column that the transformer adds: its schema, and how its value is read from a row's result.</summary>
internal abstract class OutputColumn(string name, DataViewType type, TextParts parts, Action<OutputAnnotations>? annotate)
{
    public string Name { get; } = name;

    public DataViewType Type { get; } = type;

    /// <summary>What the model has to compute for the column.</summary>
    public TextParts Parts { get; } = parts;

    /// <summary>Returns the column's annotations in a schema whose earlier score columns have lower set ids.</summary>
    public DataViewSchema.Annotations? CreateAnnotations(uint scoreColumnSetId)
    {
        if (annotate is null) return null;
        var annotations = new OutputAnnotations(scoreColumnSetId);
        annotate(annotations);
        return annotations.ToAnnotations();
    }

    /// <summary>Returns a <see cref="ValueGetter{TValue}"/> of the column's raw type.</summary>
    public abstract Delegate CreateGetter(RowReader reader);

    /// <summary>A column whose values have the type's raw type.</summary>
    public static OutputColumn Create<T>(
        string name, DataViewType type, TextParts parts, ResultReader<T> read, Action<OutputAnnotations>? annotate = null) =>
        new Column<T>(name, type, parts, read, annotate);

    private sealed class Column<T>(
        string name, DataViewType type, TextParts parts, ResultReader<T> read, Action<OutputAnnotations>? annotate)
        : OutputColumn(name, type, parts, annotate)
    {
        public override Delegate CreateGetter(RowReader reader) => (ValueGetter<T>)((ref T value) => read(reader.Read(Parts), ref value));
    }
}
