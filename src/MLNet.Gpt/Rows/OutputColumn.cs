using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Rows;

/// <summary>Reads a column's value from a scored text into a buffer that the caller may reuse.</summary>
internal delegate void TextReader<T>(ScoredText text, ref T value);

/// <summary>One column that the transformer adds: its schema, and how its value is read from a text.</summary>
internal abstract class OutputColumn(string name, DataViewType type, TextParts parts, Action<OutputAnnotations>? annotate)
{
    public string Name { get; } = name;

    public DataViewType Type { get; } = type;

    /// <summary>What the column needs of the model.</summary>
    public TextParts Parts { get; } = parts;

    /// <summary>The column's annotations in a schema whose earlier score columns have lower set ids.</summary>
    public DataViewSchema.Annotations? CreateAnnotations(uint scoreColumnSetId)
    {
        if (annotate is null) return null;
        var annotations = new OutputAnnotations(scoreColumnSetId);
        annotate(annotations);
        return annotations.ToAnnotations();
    }

    /// <summary>A <see cref="ValueGetter{TValue}"/> of the column's raw type.</summary>
    public abstract Delegate CreateGetter(IRowSource source);

    /// <summary>A column whose reader computes a value of the type's raw type.</summary>
    public static OutputColumn Create<T>(string name, DataViewType type, TextParts parts, TextReader<T> read, Action<OutputAnnotations>? annotate = null) =>
        new Column<T>(name, type, parts, read, annotate);

    private sealed class Column<T>(string name, DataViewType type, TextParts parts, TextReader<T> read, Action<OutputAnnotations>? annotate)
        : OutputColumn(name, type, parts, annotate)
    {
        public override Delegate CreateGetter(IRowSource source) => (ValueGetter<T>)((ref T value) => read(source.Read(Parts), ref value));
    }
}
