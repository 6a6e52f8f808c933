using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Transforms;

/// <summary>The schema's shape after a <see cref="GptTransformer"/>, told before there is any data.</summary>
internal static class GptSchemaShape
{
    /// <exception cref="ArgumentOutOfRangeException">The input column is missing.</exception>
    /// <exception cref="ArgumentException">The input column is not a scalar of text.</exception>
    public static SchemaShape AddOutputs(SchemaShape input, string textColumnName, IReadOnlyList<OutputColumn> outputs)
    {
        if (!input.TryFindColumn(textColumnName, out var textColumn))
        {
            throw new ArgumentOutOfRangeException(
                nameof(input), textColumnName, $"Could not find input column '{textColumnName}'; the columns are {string.Join(", ", input.Select(column => column.Name))}.");
        }

        if (textColumn.ItemType is not TextDataViewType || textColumn.Kind != SchemaShape.Column.VectorKind.Scalar)
        {
            throw new ArgumentException(
                $"Schema mismatch for input column '{textColumnName}': expected String, got {textColumn.Kind} of {textColumn.ItemType}.", nameof(input));
        }

        var columns = input.ToDictionary(column => column.Name);
        foreach (var output in outputs) columns[output.Name] = ShapeOf(output);
        return new SchemaShape(columns.Values);
    }

    private static SchemaShape.Column ShapeOf(OutputColumn output)
    {
        var annotations = new SchemaShape(output.Annotations is null
            ? []
            : output.Annotations.Schema.Select(each => new SchemaShape.Column(each.Name, SchemaShape.Column.VectorKind.Scalar, each.Type, isKey: false)));
        return output.Type is VectorDataViewType vector
            ? new SchemaShape.Column(
                output.Name,
                vector.IsKnownSize ? SchemaShape.Column.VectorKind.Vector : SchemaShape.Column.VectorKind.VariableVector,
                vector.ItemType,
                isKey: false,
                annotations)
            : new SchemaShape.Column(output.Name, SchemaShape.Column.VectorKind.Scalar, output.Type, isKey: false, annotations);
    }
}
