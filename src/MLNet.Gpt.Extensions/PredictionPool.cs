using Microsoft.ML;

namespace MLNet.Gpt.Extensions;

/// <summary>
/// Makes predictions with one pipeline on many threads concurrently. ML.NET's
/// <see cref="PredictionEngine{TData, TPrediction}"/> serves one thread at a time; the pool lends one to each caller
/// and keeps it for the next. All engines share the pipeline and its model.
/// </summary>
/// <remarks>
/// <see cref="Dispose"/> takes effect at once for new calls; calls that run on other threads finish, and their engines
/// are disposed when they do. A pipeline loaded by <see cref="Load"/> belongs to the pool and is disposed with it,
/// after the last of those calls; one that was passed to the constructor belongs to the caller.
/// </remarks>
/// <typeparam name="TData">The class of input rows.</typeparam>
/// <typeparam name="TPrediction">The columns to read. Other columns are not computed.</typeparam>
public sealed class PredictionPool<TData, TPrediction> : IDisposable
    where TData : class
    where TPrediction : class, new()
{
    // Calls beyond this number get an engine that is disposed afterwards, so that no more than this remain after a
    // burst.
    private static readonly int MostIdle = 2 * Environment.ProcessorCount;

    private readonly MLContext _ml;
    private readonly bool _ownsPipeline;
    private readonly Lock _lock = new(); // guards what follows
    private readonly Stack<PredictionEngine<TData, TPrediction>> _idle = [];
    private int _runningCount;
    private bool _isDisposed;

    /// <summary>Creates a pool over a pipeline.</summary>
    /// <param name="pipeline">
    /// The pipeline, which must be thread-safe, as every fitted ML.NET pipeline is. The caller disposes
    /// it after the pool.
    /// </param>
    /// <param name="ml">The context to create engines with; a new one if <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">The pipeline does not fit the types; ML.NET's message names the column.</exception>
    public PredictionPool(ITransformer pipeline, MLContext? ml = null)
        : this(pipeline, ml ?? new(), ownsPipeline: false)
    {
    }

    private PredictionPool(ITransformer pipeline, MLContext ml, bool ownsPipeline)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        (Pipeline, _ml, _ownsPipeline) = (pipeline, ml, ownsPipeline);
        _idle.Push(CreateEngine()); // so that a mismatch is found here, not at the first request
    }

    /// <summary>The pipeline that predicts: a chain of transformers, or a single one.</summary>
    public ITransformer Pipeline { get; }

    /// <summary>Loads a pipeline saved by <c>ml.Model.Save</c>, and creates a pool that owns it.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    public static PredictionPool<TData, TPrediction> Load(string path)
    {
        var ml = new MLContext();
        var pipeline = ml.Model.Load(path, out _);
        try
        {
            return new(pipeline, ml, ownsPipeline: true);
        }
        catch
        {
            (pipeline as IDisposable)?.Dispose();
            throw;
        }
    }

    /// <summary>Predicts a row. Thread-safe.</summary>
    /// <param name="row">The row.</param>
    /// <param name="cancellationToken">
    /// Cancels the work of the pipeline's GPT transformers, even in the middle of a text. Pass the token of a request,
    /// so that a request whose client has disconnected costs nothing more.
    /// </param>
    /// <exception cref="ObjectDisposedException">The pool was disposed.</exception>
    /// <exception cref="OperationCanceledException">The prediction was canceled.</exception>
    public TPrediction Predict(TData row, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(row);
        var engine = Take();
        bool isReusable = false;
        try
        {
            engine ??= CreateEngine();
            var prediction = engine.Predict(row, cancellationToken);
            isReusable = true; // an engine that threw may be in the middle of a row
            return prediction;
        }
        finally
        {
            Return(engine, isReusable);
        }
    }

    /// <summary>
    /// Disposes the engines, and the pipeline if the pool owns it; those in use are disposed when their calls return.
    /// </summary>
    public void Dispose()
    {
        PredictionEngine<TData, TPrediction>[] idle;
        bool isLast;
        lock (_lock)
        {
            if (_isDisposed) return;
            _isDisposed = true;
            isLast = _runningCount == 0;
            idle = [.. _idle];
            _idle.Clear();
        }

        foreach (var engine in idle) engine.Dispose();
        if (isLast) DisposePipeline();
    }

    private PredictionEngine<TData, TPrediction>? Take()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            _runningCount++;
            return _idle.TryPop(out var engine) ? engine : null;
        }
    }

    private void Return(PredictionEngine<TData, TPrediction>? engine, bool isReusable)
    {
        bool isKept, isLast;
        lock (_lock)
        {
            isLast = --_runningCount == 0 && _isDisposed;
            isKept = engine is not null && isReusable && !_isDisposed && _idle.Count < MostIdle;
            if (isKept) _idle.Push(engine!);
        }

        if (!isKept) engine?.Dispose();
        if (isLast) DisposePipeline();
    }

    private void DisposePipeline()
    {
        if (_ownsPipeline) (Pipeline as IDisposable)?.Dispose();
    }

    private PredictionEngine<TData, TPrediction> CreateEngine() =>
        _ml.Model.CreatePredictionEngine<TData, TPrediction>(Pipeline, new PredictionEngineOptions { OwnsTransformer = false });
}
