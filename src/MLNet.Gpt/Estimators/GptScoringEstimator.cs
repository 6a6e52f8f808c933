using Microsoft.ML;
using MLNet.Gpt.Estimators;

namespace MLNet.Gpt;

/// <summary>Puts a model that is already trained into a pipeline: <see cref="Fit"/> looks at the schema only.</summary>
public sealed class GptScoringEstimator : IEstimator<GptTransformer>
{
    private readonly GptTransformer _transformer;

    internal GptScoringEstimator(GptTransformer transformer) => _transformer = transformer;

    /// <summary>The transformer over the model.</summary>
    /// <exception cref="ArgumentException">The input column is missing or not text.</exception>
    public GptTransformer Fit(IDataView input)
    {
        _ = _transformer.GetOutputSchema(input.Schema);
        return _transformer;
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema) => GptSchemaShape.AddOutputs(inputSchema, _transformer.Options.InputColumnName, _transformer.Outputs);
}
