using System.Diagnostics;
using Microsoft.ML;
using MLNet.Gpt.Estimators;

namespace MLNet.Gpt;

/// <summary>Puts a classifier that is already trained into a pipeline. <see cref="Fit"/> only checks the schema.</summary>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class GptTextEstimator : IEstimator<GptTextTransformer>
{
    private readonly GptTextTransformer _transformer;

    internal GptTextEstimator(GptTextTransformer transformer) => _transformer = transformer;

    /// <summary>Returns the transformer over the classifier. It does not own it: disposing the transformer frees nothing.</summary>
    /// <exception cref="ArgumentException">A column of text is missing or not text.</exception>
    public GptTextTransformer Fit(IDataView input)
    {
        _ = _transformer.GetOutputSchema(input.Schema);
        return _transformer;
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema) =>
        GptSchemaShape.AddOutputs(inputSchema, _transformer.Columns, _transformer.Outputs);

    /// <summary>The transformer that <see cref="Fit"/> returns.</summary>
    public override string ToString() => $"GptTextEstimator of {_transformer}";
}
