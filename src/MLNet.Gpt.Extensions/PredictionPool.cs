using System.Collections.Concurrent;
using Microsoft.ML;

namespace MLNet.Gpt.Extensions;

/// <summary>
/// Predictions from one pipeline for many threads at once. ML.NET's <see cref="PredictionEngine{TData, TPrediction}"/> serves one thread at a time; the pool
/// lends one to each caller and keeps it for the next. All engines share the pipeline and its model.
/// </summary>
/// <typeparam name="TData">A row as the pipeline's input has it.</typeparam>
/// <typeparam name="TPrediction">The columns to read. A column that it lacks is not computed.</typeparam>
public sealed class PredictionPool<TData, TPrediction> : IDisposable
    where TData : class
    where TPrediction : class, new()
{
    // Callers beyond it get an engine of their own, which is let go afterwards: a burst leaves no more than this behind.
    private static readonly int Kept = 2 * Environment.ProcessorCount;

    private readonly ConcurrentBag<PredictionEngine<TData, TPrediction>> _idle = [];
    private readonly MLContext _ml;
    private readonly ITransformer _pipeline;
    private volatile bool _isDisposed;

    /// <summary>A pool over a pipeline.</summary>
    /// <param name="pipeline">It must be safe for many threads, as every fitted ML.NET pipeline is. It stays the caller's.</param>
    /// <param name="ml">The context to make engines with; a new one where <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">The pipeline does not fit the types; ML.NET's message names the column.</exception>
    public PredictionPool(ITransformer pipeline, MLContext? ml = null)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        (_pipeline, _ml) = (pipeline, ml ?? new());
        _idle.Add(CreateEngine()); // What does not fit is found here and not at the first request.
    }

    /// <summary>A pool over a pipeline that <c>ml.Model.Save</c> wrote.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">The file is not there or cannot be read.</exception>
    public static PredictionPool<TData, TPrediction> Load(string path)
    {
        var ml = new MLContext();
        return new(ml.Model.Load(path, out _), ml);
    }

    /// <summary>The prediction for a row. Safe for use by many threads.</summary>
    /// <exception cref="ObjectDisposedException">The pool was disposed.</exception>
    public TPrediction Predict(TData row)
    {
        ArgumentNullException.ThrowIfNull(row);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        var engine = _idle.TryTake(out var idle) ? idle : CreateEngine();
        bool isGood = false;
        try
        {
            var prediction = engine.Predict(row);
            isGood = true; // An engine that threw may stand amid a row.
            return prediction;
        }
        finally
        {
            if (isGood && !_isDisposed && _idle.Count < Kept) _idle.Add(engine);
            else engine.Dispose();
        }
    }

    /// <summary>Lets the engines go. The pipeline stays the caller's.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        while (_idle.TryTake(out var engine)) engine.Dispose();
    }

    private PredictionEngine<TData, TPrediction> CreateEngine() =>
        _ml.Model.CreatePredictionEngine<TData, TPrediction>(_pipeline, new PredictionEngineOptions { OwnsTransformer = false });
}
