using System.Collections.Concurrent;
using System.Numerics;
using MLNet.Gpt.Configuration;

namespace MLNet.Gpt.Inference;

/// <summary>Workspaces that were used and can be used again, by size in powers of two.</summary>
internal sealed class WorkspacePool(GptConfig config) : IDisposable
{
    private readonly ConcurrentBag<Workspace>[] _bySize = [.. Enumerable.Range(0, 32).Select(_ => new ConcurrentBag<Workspace>())];
    private volatile bool _isDisposed;

    /// <summary>A workspace with room for so many rows.</summary>
    public Workspace Rent(int rows)
    {
        int size = SizeOf(rows);
        return _bySize[size].TryTake(out var workspace) ? workspace : new Workspace(config, 1 << size);
    }

    /// <summary>Takes a workspace back.</summary>
    public void Return(Workspace workspace)
    {
        _bySize[SizeOf(workspace.Rows)].Add(workspace);
        if (_isDisposed) Drain();
    }

    public void Dispose()
    {
        _isDisposed = true;
        Drain();
    }

    private static int SizeOf(int rows) => BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)Math.Max(8, rows)));

    private void Drain()
    {
        foreach (var bag in _bySize)
        {
            while (bag.TryTake(out var workspace)) workspace.Dispose();
        }
    }
}
