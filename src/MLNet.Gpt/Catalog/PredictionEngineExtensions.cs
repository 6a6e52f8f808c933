using Microsoft.ML;
using MLNet.Gpt.Hosting;

namespace MLNet.Gpt;

/// <summary>Adds cancellation to ML.NET's prediction engines.</summary>
public static class PredictionEngineExtensions
{
    /// <summary>Predicts a row as <see cref="PredictionEngineBase{TSrc, TDst}.Predict(TSrc)"/> does, and can be stopped.</summary>
    /// <typeparam name="TData">The class of input rows.</typeparam>
    /// <typeparam name="TPrediction">The columns to read.</typeparam>
    /// <param name="engine">The engine. It can be used again after a prediction was stopped.</param>
    /// <param name="row">The row.</param>
    /// <param name="cancellationToken">
    /// Stops the work of the pipeline's GPT transformers, within a text and within a pass of the model, after at most one
    /// of its layers. Other transformers of the pipeline do not observe it.
    /// </param>
    /// <exception cref="OperationCanceledException">The prediction was stopped.</exception>
    public static TPrediction Predict<TData, TPrediction>(
        this PredictionEngine<TData, TPrediction> engine, TData row, CancellationToken cancellationToken)
        where TData : class
        where TPrediction : class, new()
    {
        ArgumentNullException.ThrowIfNull(engine);
        cancellationToken.ThrowIfCancellationRequested();
        using var call = Cancellation.OfCall(cancellationToken);
        return engine.Predict(row);
    }
}
