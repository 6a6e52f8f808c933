using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Rows;

namespace MLNet.Gpt.Estimators;

/// <summary>Predicts the shape of the schema after a <see cref="GptTransformer"/>, before there is any data.</summary>
internal static class GptSchemaShape
{
    /// <exception cref="ArgumentOutOfRangeException">The input column is missing.</exception>
    /// <exception cref="ArgumentException">The input column is not a scalar of text.</exception>
    public static SchemaShape AddOutputs(SchemaShape input, string textColumnName, IEnumerable<OutputColumn> outputs)
    {
        if (!input.TryFindColumn(textColumnName, out var textColumn))
        {
            throw new ArgumentOutOfRangeException(
                nameof(input),
                textColumnName,
                $"Could not find input column '{textColumnName}'; "
                + $"the columns are {string.Join(", ", input.Select(column => column.Name))}.");
        }

        if (textColumn.ItemType is not TextDataViewType || textColumn.Kind != SchemaShape.Column.VectorKind.Scalar)
        {
            throw new ArgumentException(
                $"Schema mismatch for input column '{textColumnName}': expected String, got {textColumn.Kind} of {textColumn.ItemType}.",
                nameof(input));
        }

        var builder = new DataViewSchema.Builder();
        foreach (var output in outputs) builder.AddColumn(output.Name, output.Type, output.CreateAnnotations(scoreColumnSetId: 1));
        var columns = input.ToDictionary(column => column.Name);
        foreach (var column in SchemaShape.Create(builder.ToSchema())) columns[column.Name] = column;
        return new SchemaShape(columns.Values);
    }
}
