using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Rows;

namespace MLNet.Gpt;

/// <summary>
/// Puts a model that scores continuations into a pipeline; see <see cref="ContinuationTransformer"/>. <see cref="Fit"/> only checks the
/// schema.
/// </summary>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class ContinuationEstimator : IEstimator<ContinuationTransformer>
{
    private readonly ContinuationTransformer _transformer;

    internal ContinuationEstimator(ContinuationTransformer transformer) => _transformer = transformer;

    /// <summary>Returns the transformer over the model. It does not own the model: disposing it frees nothing.</summary>
    /// <exception cref="ArgumentException">An input column is missing or not text.</exception>
    public ContinuationTransformer Fit(IDataView input)
    {
        _ = _transformer.GetOutputSchema(input.Schema);
        return _transformer;
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        var options = _transformer.Options;
        var context = Find(inputSchema, options.ContextColumnName);
        if (context.Kind != SchemaShape.Column.VectorKind.Scalar)
        {
            throw new ArgumentException(
                $"Schema mismatch for input column '{context.Name}': expected String, got {context.Kind} of {context.ItemType}.",
                nameof(inputSchema));
        }

        var continuation = Find(inputSchema, options.ContinuationColumnName);
        bool isVector = continuation.Kind != SchemaShape.Column.VectorKind.Scalar;
        int size = continuation.Kind == SchemaShape.Column.VectorKind.Vector ? 1 : 0; // of a shape, only whether it is known matters
        var builder = new DataViewSchema.Builder();
        ReadOnlyMemory<char>[] slots = size > 0 ? ["1".AsMemory()] : [];
        foreach (var column in ContinuationMapper.Columns(options, isVector ? size : null, slots))
        {
            builder.AddColumn(column.Name, column.Type, column.Annotations);
        }

        var columns = inputSchema.ToDictionary(column => column.Name);
        foreach (var column in SchemaShape.Create(builder.ToSchema())) columns[column.Name] = column;
        return new SchemaShape(columns.Values);
    }

    /// <summary>The transformer that <see cref="Fit"/> returns.</summary>
    public override string ToString() => $"ContinuationEstimator of {_transformer}";

    private static SchemaShape.Column Find(SchemaShape input, string name)
    {
        if (!input.TryFindColumn(name, out var column))
        {
            throw new ArgumentOutOfRangeException(
                nameof(input), name,
                $"Could not find input column '{name}'; the columns are {string.Join(", ", input.Select(each => each.Name))}.");
        }

        return column.ItemType is TextDataViewType
            ? column
            : throw new ArgumentException(
                $"Schema mismatch for input column '{name}': expected String, got {column.Kind} of {column.ItemType}.", nameof(input));
    }
}
