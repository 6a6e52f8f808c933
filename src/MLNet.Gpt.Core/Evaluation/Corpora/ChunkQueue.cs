using System.Collections.Concurrent;
using MLNet.Gpt.Evaluation.Scoring;

namespace MLNet.Gpt.Evaluation.Corpora;

/// <summary>
/// Reads, tokenizes and divides a corpus on a separate thread, a few chunks ahead of the thread that consumes them.
/// </summary>
internal sealed class ChunkQueue : IDisposable
{
    private const int ChunksAhead = 4;
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    private readonly CancellationTokenSource _stop;
    private readonly BlockingCollection<Chunk> _chunks = new(ChunksAhead);
    private readonly Task _work;
    private long _count;

    /// <param name="chunks">All chunks, in order.</param>
    /// <param name="isWanted">Decides which chunks are queued; called in order.</param>
    /// <param name="cancellationToken">Stops both sides.</param>
    public ChunkQueue(IEnumerable<Chunk> chunks, Func<Chunk, bool> isWanted, CancellationToken cancellationToken)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _work = Task.Factory.StartNew(
            () =>
            {
                try
                {
                    foreach (var chunk in chunks)
                    {
                        _count++;
                        _stop.Token.ThrowIfCancellationRequested();
                        if (isWanted(chunk)) _chunks.Add(chunk, _stop.Token);
                    }
                }
                finally
                {
                    _chunks.CompleteAdding();
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }

    /// <summary>The number of chunks of the corpus, wanted or not; final when all have been consumed.</summary>
    public long ChunkCount => Interlocked.Read(ref _count);

    /// <summary>
    /// Yields the wanted chunks, each as soon as it is available. Rethrows exceptions of reading the corpus.
    /// </summary>
    public IEnumerable<Chunk> Take()
    {
        foreach (var chunk in _chunks.GetConsumingEnumerable(_stop.Token)) yield return chunk;
        _work.GetAwaiter().GetResult();
    }

    /// <summary>
    /// Stops reading and waits until the corpus is released. If the corpus does not return from reading its next
    /// document, as with a dead connection, waits only briefly; the corpus is then released as soon as it returns.
    /// </summary>
    public void Dispose()
    {
        _stop.Cancel();
        if (Task.WaitAny([_work], Patience) == 0) Release();
        else _work.ContinueWith(_ => Release(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
    }

    private void Release()
    {
        _ = _work.Exception; // Take has thrown it, or it comes too late to matter; either way it is observed
        _chunks.Dispose();
        _stop.Dispose();
    }
}
