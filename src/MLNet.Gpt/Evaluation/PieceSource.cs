using System.Collections.Concurrent;

namespace MLNet.Gpt.Evaluation;

/// <summary>Reads, tokenises and cuts a corpus on a thread of its own, a few pieces ahead of whoever takes them.</summary>
internal sealed class PieceSource : IDisposable
{
    private const int PiecesAhead = 4;

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

    public void Dispose()
    {
        _stop.Cancel();
        ((IAsyncResult)_work).AsyncWaitHandle.WaitOne(); // an exception of it has been thrown already, or nobody waits for it
        _pieces.Dispose();
        _stop.Dispose();
    }
}
