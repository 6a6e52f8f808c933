using System.Numerics;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Inference;

/// <summary>
/// A pool of workspaces for reuse, with sizes in powers of two. It keeps a few, those used last, and frees those that
/// have been unused for half a minute when another is returned. Never blocks.
/// </summary>
/// <param name="config">The model's sizes.</param>
/// <param name="idleLimit">Milliseconds after which an unused workspace is freed.</param>
internal sealed class WorkspacePool(GptConfig config, long idleLimit = 30_000) : IDisposable
{
    // One for each thread that can compute, and a few of other sizes.
    private readonly Workspace?[] _kept = new Workspace?[4 + Environment.ProcessorCount];
    private volatile bool _isDisposed;

    /// <summary>The number of pooled workspaces.</summary>
    public int KeptCount => _kept.Count(workspace => workspace is not null);

    /// <summary>The maximum number of pooled workspaces.</summary>
    public int Capacity => _kept.Length;

    /// <summary>Returns a workspace with room for a number of rows.</summary>
    /// <exception cref="OutOfMemoryException">The system has no memory for it.</exception>
    public Workspace Rent(int rows)
    {
        int size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(KernelSet.TileRows, rows));
        foreach (ref var place in _kept.AsSpan())
        {
            var workspace = Volatile.Read(ref place);
            if (workspace?.Rows == size && Take(ref place, workspace)) return workspace;
        }

        return new Workspace(config, size);
    }

    /// <summary>Returns a workspace to the pool.</summary>
    public void Return(Workspace workspace)
    {
        workspace.LastUse = Environment.TickCount64;
        Free(unusedSince: workspace.LastUse - idleLimit);
        Keep(workspace);
        if (_isDisposed) Free(unusedSince: long.MaxValue);
    }

    public void Dispose()
    {
        _isDisposed = true;
        Free(unusedSince: long.MaxValue);
    }

    private static bool Take(ref Workspace? place, Workspace workspace) =>
        Interlocked.CompareExchange(ref place, null, workspace) == workspace;

    // Stores it in a free slot, or else in place of the one that has been unused the longest.
    private void Keep(Workspace workspace)
    {
        int oldest = 0;
        long oldestUse = long.MaxValue;
        for (int i = 0; i < _kept.Length; i++)
        {
            if (Interlocked.CompareExchange(ref _kept[i], workspace, null) is not { } other) return;
            if (other.LastUse < oldestUse) (oldest, oldestUse) = (i, other.LastUse);
        }

        Interlocked.Exchange(ref _kept[oldest], workspace)?.Dispose();
    }

    private void Free(long unusedSince)
    {
        foreach (ref var place in _kept.AsSpan())
        {
            var workspace = Volatile.Read(ref place);
            if (workspace?.LastUse <= unusedSince && Take(ref place, workspace)) workspace.Dispose();
        }
    }
}
