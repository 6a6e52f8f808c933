using Microsoft.ML;
using MLNet.Gpt.Evaluation;
using MLNet.Gpt.Inference;
using MLNet.Gpt.Transforms;

namespace MLNet.Gpt;

/// <summary>
/// Language modeling as an ML.NET task: predict the next token of a text, and measure how well that is done.
/// Had from <c>mlContext.LanguageModeling</c>.
/// </summary>
public sealed class LanguageModelingCatalog
{
    private readonly MLContext _mlContext;

    internal LanguageModelingCatalog(MLContext mlContext) => _mlContext = mlContext;

    /// <summary>The trainers of language models.</summary>
    public LanguageModelingTrainers Trainers => new(_mlContext);

    /// <summary>Puts a model that is already trained into a pipeline.</summary>
    /// <param name="model">The model; it may serve several pipelines.</param>
    /// <param name="inputColumnName">The column of text that is read.</param>
    public GptScoringEstimator FromModel(GptModel model, string inputColumnName = "Text") =>
        FromModel(model, new GptTransformerOptions { InputColumnName = inputColumnName });

    /// <summary>Puts a model that is already trained into a pipeline, with options.</summary>
    /// <param name="model">The model; it may serve several pipelines.</param>
    /// <param name="options">What is read, computed and added.</param>
    public GptScoringEstimator FromModel(GptModel model, GptTransformerOptions options) => new(new GptTransformer(model, options));

    /// <summary>Evaluates scored text: cross-entropy, perplexity and their like over all rows together, weighted by tokens.</summary>
    /// <param name="data">What a <see cref="GptTransformer"/> made; a row is a document.</param>
    /// <param name="columns">The names that the transformer's columns have, where they are not the default ones.</param>
    /// <exception cref="ArgumentException">A column that is needed is missing, of another type, or not from a transformer.</exception>
    /// <exception cref="InvalidOperationException">No row has anything to predict.</exception>
    public LanguageModelMetrics Evaluate(IDataView data, GptOutputColumns? columns = null) =>
        LanguageModelEvaluator.Evaluate(data, columns ?? new());
}
