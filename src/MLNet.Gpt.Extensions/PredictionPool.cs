using System.Collections.Concurrent;
using Microsoft.ML;

namespace MLNet.Gpt.Extensions;

/// <summary>
/// Predictions from one pipeline for many threads at once. ML.NET's <see cref="PredictionEngine{TData, TPrediction}"/>
/// serves one thread at a time; the pool lends one to each caller and keeps it for the next. All engines share the
/// pipeline and its model.
/// </summary>
/// <remarks>
/// The pool owns its engines and not the pipeline. <see cref="Dispose"/> takes effect at once for new calls; calls that
/// run on other threads finish, and their engines are disposed of when they do. The pipeline and its model may be
/// disposed of when those calls have returned. A pool that <see cref="Load"/> made is the only one that refers to its
/// pipeline: the model's memory is freed by the garbage collector after the pool, or by disposing of the model in
/// <see cref="Pipeline"/>.
/// </remarks>
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
    private volatile bool _isDisposed;

    /// <summary>A pool over a pipeline.</summary>
    /// <param name="pipeline">It must be safe for many threads, as every fitted ML.NET pipeline is. It stays the caller's.</param>
    /// <param name="ml">The context to make engines with; a new one where <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">The pipeline does not fit the types; ML.NET's message names the column.</exception>
    public PredictionPool(ITransformer pipeline, MLContext? ml = null)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        (Pipeline, _ml) = (pipeline, ml ?? new());
        _idle.Add(CreateEngine()); // What does not fit is found here and not at the first request.
    }

    /// <summary>The pipeline that predicts; a chain of transformers, or one alone.</summary>
    public ITransformer Pipeline { get; }

    /// <summary>A pool over a pipeline that <c>ml.Model.Save</c> wrote.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">The file is not there or cannot be read.</exception>
    public static PredictionPool<TData, TPrediction> Load(string path)
    {
        var ml = new MLContext();
        return new(ml.Model.Load(path, out _), ml);
    }

    /// <summary>The prediction for a row. Safe for use by many threads.</summary>
    /// <param name="row">The row.</param>
    /// <param name="cancellationToken">
    /// Stops the work of the pipeline's GPT transformers, within a text too. Give it the token of a request, so that one whose
    /// client has left costs nothing more.
    /// </param>
    /// <exception cref="ObjectDisposedException">The pool was disposed of.</exception>
    /// <exception cref="OperationCanceledException">The prediction was stopped.</exception>
    public TPrediction Predict(TData row, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(row);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        var engine = _idle.TryTake(out var idle) ? idle : CreateEngine();
        bool isGood = false;
        try
        {
            var prediction = engine.Predict(row, cancellationToken);
            isGood = true; // An engine that threw may stand in the middle of a row.
            return prediction;
        }
        finally
        {
            if (isGood && _idle.Count < Kept) Return(engine);
            else engine.Dispose();
        }
    }

    /// <summary>
    /// Disposes of the engines; those in use are disposed of when their calls return. The pipeline stays the caller's.
    /// </summary>
    public void Dispose()
    {
        _isDisposed = true;
        Interlocked.MemoryBarrier();
        DisposeIdle();
    }

    // First back, then the question whether the pool was disposed of: between the two, either Dispose finds the engine or we do.
    private void Return(PredictionEngine<TData, TPrediction> engine)
    {
        _idle.Add(engine);
        Interlocked.MemoryBarrier();
        if (_isDisposed) DisposeIdle();
    }

    private void DisposeIdle()
    {
        while (_idle.TryTake(out var engine)) engine.Dispose();
    }

    private PredictionEngine<TData, TPrediction> CreateEngine() =>
        _ml.Model.CreatePredictionEngine<TData, TPrediction>(Pipeline, new PredictionEngineOptions { OwnsTransformer = false });
}
