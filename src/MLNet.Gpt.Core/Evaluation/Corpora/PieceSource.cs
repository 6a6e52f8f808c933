using System.Collections.Concurrent;

namespace MLNet.Gpt.Evaluation.Corpora;

/// <summary>Reads, tokenises and cuts a corpus on a thread of its own, a few pieces ahead of the thread that takes them.</summary>
internal sealed class PieceSource : IDisposable
{
    private const int PiecesAhead = 4;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _stop;
    private readonly BlockingCollection<CorpusPiece> _pieces = new(PiecesAhead);
    private readonly Task _work;
    private long _count;

    /// <param name="pieces">All pieces, in order.</param>
    /// <param name="isWanted">Which are handed on; called in order.</param>
    /// <param name="cancellationToken">Stops both sides.</param>
    public PieceSource(IEnumerable<CorpusPiece> pieces, Func<CorpusPiece, bool> isWanted, CancellationToken cancellationToken)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _work = Task.Factory.StartNew(
            () =>
            {
                try
                {
                    foreach (var piece in pieces)
                    {
                        _count++;
                        _stop.Token.ThrowIfCancellationRequested();
                        if (isWanted(piece)) _pieces.Add(piece, _stop.Token);
                    }
                }
                finally
                {
                    _pieces.CompleteAdding();
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }

    /// <summary>Pieces of the corpus, wanted or not; complete when all have been taken.</summary>
    public long PieceCount => Interlocked.Read(ref _count);

    /// <summary>The wanted pieces, each as soon as it is cut. What went wrong in cutting is thrown here.</summary>
    public IEnumerable<CorpusPiece> Take()
    {
        foreach (var piece in _pieces.GetConsumingEnumerable(_stop.Token)) yield return piece;
        _work.GetAwaiter().GetResult();
    }

    /// <summary>
    /// Stops the reading, and waits until the corpus is let go of. A corpus that does not return from giving its next document,
    /// such as one behind a dead connection, is waited for a moment only and let go of as soon as it does.
    /// </summary>
    public void Dispose()
    {
        _stop.Cancel();
        if (Task.WaitAny([_work], Patience) == 0) Release();
        else _work.ContinueWith(_ => Release(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
    }

    private void Release()
    {
        _ = _work.Exception; // It was thrown by Take, or comes after the end and is of no use; either way it is seen.
        _pieces.Dispose();
        _stop.Dispose();
    }
}
