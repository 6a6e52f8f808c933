using System.Diagnostics;
using Microsoft.ML;
using MLNet.Gpt.Estimators;

namespace MLNet.Gpt;

/// <summary>Puts an already trained model into a pipeline. <see cref="Fit"/> only checks the schema.</summary>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class GptScoringEstimator : IEstimator<GptTransformer>
{
    private readonly GptTransformer _transformer;

    internal GptScoringEstimator(GptTransformer transformer) => _transformer = transformer;

    /// <summary>Returns the transformer over the model. It does not own the model: disposing it frees nothing.</summary>
    /// <exception cref="ArgumentException">The input column is missing or not text.</exception>
    public GptTransformer Fit(IDataView input)
    {
        _ = _transformer.GetOutputSchema(input.Schema);
        return _transformer;
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema) =>
        GptSchemaShape.AddOutputs(inputSchema, _transformer.Options.InputColumnName, _transformer.Outputs);

    /// <summary>The transformer that <see cref="Fit"/> returns.</summary>
    public override string ToString() => $"GptScoringEstimator of {_transformer}";
}
