using System.Numerics;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Inference;

/// <summary>
/// Workspaces that were used and can be used again, by size in powers of two. A few are kept, those used last, and none
/// that was not used for half a minute when another comes back. Never blocks.
/// </summary>
/// <param name="config">The model's sizes.</param>
/// <param name="idleLimit">Milliseconds after which an unused workspace is let go.</param>
internal sealed class WorkspacePool(GptConfig config, long idleLimit = 30_000) : IDisposable
{
    // One for each thread that can compute, and some of other sizes.
    private readonly Workspace?[] _kept = new Workspace?[4 + Environment.ProcessorCount];
    private volatile bool _isDisposed;

    /// <summary>Workspaces that wait for use.</summary>
    public int KeptCount => _kept.Count(workspace => workspace is not null);

    /// <summary>The most that wait for use.</summary>
    public int Capacity => _kept.Length;

    /// <summary>A workspace with room for so many rows.</summary>
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

    /// <summary>Takes a workspace back.</summary>
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

    // Into a free place, otherwise into that of the one that has waited longest.
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
