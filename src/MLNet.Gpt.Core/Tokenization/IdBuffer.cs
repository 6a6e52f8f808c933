using System.Buffers;

namespace MLNet.Gpt.Tokenization;

/// <summary>Collects ids in a rented array, or only counts them.</summary>
internal ref struct IdBuffer
{
    private int[]? _ids;

    /// <summary>A buffer that keeps ids; without this it only counts.</summary>
    public static IdBuffer Keeping(int expected) => new() { _ids = ArrayPool<int>.Shared.Rent(expected) };

    /// <summary>Ids added so far.</summary>
    public int Count { get; private set; }

    /// <summary>Whether ids are counted and not kept.</summary>
    public readonly bool IsCounting => _ids is null;

    /// <summary>Counts ids without keeping them.</summary>
    public void AddCount(int count) => Count = checked(Count + count);

    public void AddRange(IReadOnlyList<int> ids)
    {
        for (int i = 0; i < ids.Count; i++) Add(ids[i]);
    }

    public void Add(int id)
    {
        if (_ids is not null)
        {
            if (Count == _ids.Length) Grow();
            _ids[Count] = id;
        }

        Count++;
    }

    /// <summary>The ids as an array of their own; gives the rented one back.</summary>
    public int[] Detach()
    {
        int[] ids = _ids.AsSpan(0, Count).ToArray();
        ArrayPool<int>.Shared.Return(_ids!);
        _ids = null;
        return ids;
    }

    private void Grow()
    {
        int[] larger = ArrayPool<int>.Shared.Rent(checked(2 * Count));
        _ids!.CopyTo(larger, 0);
        ArrayPool<int>.Shared.Return(_ids!);
        _ids = larger;
    }
}
