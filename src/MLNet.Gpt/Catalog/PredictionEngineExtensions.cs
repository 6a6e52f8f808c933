using Microsoft.ML;
using MLNet.Gpt.Hosting;

namespace MLNet.Gpt;

/// <summary>Adds cancellation to ML.NET's prediction engines.</summary>
public static class PredictionEngineExtensions
{
    /// <summary>
    /// Predicts a row like <see cref="PredictionEngineBase{TSrc, TDst}.Predict(TSrc)"/>, with cancellation.
    /// </summary>
    /// <typeparam name="TData">The class of input rows.</typeparam>
    /// <typeparam name="TPrediction">The columns to read.</typeparam>
    /// <param name="engine">The engine. It remains usable after a prediction was canceled.</param>
    /// <param name="row">The row.</param>
    /// <param name="cancellationToken">
    /// Cancels the work of the pipeline's GPT transformers, even in the middle of a text and of a forward pass, after
    /// at most one layer. Other transformers in the pipeline do not observe it.
    /// </param>
    /// <exception cref="OperationCanceledException">The prediction was canceled.</exception>
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
