using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Estimators;
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
        GptSchemaShape.CheckText(inputSchema, options.ContextColumnName);
        var continuation = GptSchemaShape.Find(inputSchema, options.ContinuationColumnName);
        if (continuation.ItemType is not TextDataViewType)
        {
            throw new ArgumentException(
                $"Schema mismatch for input column '{continuation.Name}': expected String, got {continuation.Kind} of "
                + $"{continuation.ItemType}.",
                nameof(inputSchema));
        }

        bool isVector = continuation.Kind != SchemaShape.Column.VectorKind.Scalar;
        int size = continuation.Kind == SchemaShape.Column.VectorKind.Vector ? 1 : 0; // of a shape, only whether it is known matters
        ReadOnlyMemory<char>[] slots = size > 0 ? ["1".AsMemory()] : [];
        return GptSchemaShape.Add(inputSchema, ContinuationMapper.Columns(options, isVector ? size : null, slots).Select(
            column => new DataViewSchema.DetachedColumn(column.Name, column.Type, column.Annotations)));
    }

    /// <summary>The transformer that <see cref="Fit"/> returns.</summary>
    public override string ToString() => $"ContinuationEstimator of {_transformer}";
}
