using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Rows;

namespace MLNet.Gpt.Estimators;

/// <summary>Predicts the shape of the schema after a transformer, before there is any data.</summary>
internal static class GptSchemaShape
{
    /// <summary>Adds the columns of a <see cref="GptTransformer"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The input column is missing.</exception>
    /// <exception cref="ArgumentException">The input column is not a scalar of text.</exception>
    public static SchemaShape AddOutputs(SchemaShape input, string textColumnName, IEnumerable<OutputColumn> outputs)
    {
        CheckText(input, textColumnName);
        return Add(input, outputs.Select(output => new DataViewSchema.DetachedColumn(
            output.Name, output.Type, output.CreateAnnotations(scoreColumnSetId: 1))));
    }

    /// <summary>Adds the columns of a <see cref="GptTextTransformer"/>.</summary>
    /// <inheritdoc cref="AddOutputs(SchemaShape, string, IEnumerable{OutputColumn})" path="/exception"/>
    public static SchemaShape AddOutputs(SchemaShape input, TextColumns columns, IEnumerable<OutputColumn> outputs)
    {
        if (columns.Sentence2 is { } second) CheckText(input, second);
        return AddOutputs(input, columns.Sentence1, outputs);
    }

    /// <summary>Adds columns, which replace those of the same names.</summary>
    public static SchemaShape Add(SchemaShape input, IEnumerable<DataViewSchema.DetachedColumn> outputs)
    {
        var builder = new DataViewSchema.Builder();
        foreach (var output in outputs) builder.AddColumn(output.Name, output.Type, output.Annotations);
        var columns = input.ToDictionary(column => column.Name);
        foreach (var column in SchemaShape.Create(builder.ToSchema())) columns[column.Name] = column;
        return new SchemaShape(columns.Values);
    }

    /// <summary>Checks a column of text.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The column is missing.</exception>
    /// <exception cref="ArgumentException">The column is not a scalar of text.</exception>
    public static void CheckText(SchemaShape input, string name)
    {
        var column = Find(input, name);
        if (column.ItemType is TextDataViewType && column.Kind == SchemaShape.Column.VectorKind.Scalar) return;
        throw new ArgumentException(
            $"Schema mismatch for input column '{name}': expected String, got {column.Kind} of {column.ItemType}.", nameof(input));
    }

    /// <summary>Finds a column.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The column is missing.</exception>
    public static SchemaShape.Column Find(SchemaShape input, string name) => input.TryFindColumn(name, out var column)
        ? column
        : throw new ArgumentOutOfRangeException(
            nameof(input), name,
            $"Could not find input column '{name}'; the columns are {string.Join(", ", input.Select(each => each.Name))}.");
}
