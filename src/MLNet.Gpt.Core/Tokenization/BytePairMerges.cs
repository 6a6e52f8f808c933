using System.Buffers;

namespace MLNet.Gpt.Tokenization;

/// <summary>
/// Byte-pair merging by a list of merges: of all neighbours in a piece, those that stand first in the list become one
/// token, the leftmost first, until no two neighbours are in the list. Source: Sennrich et al. (2016).
/// </summary>
internal sealed class BytePairMerges
{
    // Symbols of a piece up to which looking through all of them is faster than keeping them in order.
    private const int ShortPiece = 24;
    private const int NoRank = int.MaxValue;

    private readonly Dictionary<long, (int Rank, int Id)> _merges;

    /// <param name="merges">The pairs in order.</param>
    /// <param name="merged">The token that each pair becomes.</param>
    /// <exception cref="ArgumentException">A pair stands twice.</exception>
    public BytePairMerges(IReadOnlyList<(int Left, int Right)> merges, IReadOnlyList<int> merged)
    {
        _merges = new(merges.Count);
        for (int rank = 0; rank < merges.Count; rank++)
        {
            if (!_merges.TryAdd(Key(merges[rank].Left, merges[rank].Right), (rank, merged[rank])))
            {
                throw new ArgumentException($"Merge {rank} joins the ids {merges[rank].Left} and {merges[rank].Right}, which an earlier one joins.", nameof(merges));
            }
        }
    }

    /// <summary>Merges symbols in place.</summary>
    /// <returns>How many are left, at the beginning of the span.</returns>
    public int Merge(Span<int> symbols) => symbols.Length <= ShortPiece ? MergeShort(symbols) : MergeLong(symbols);

    private static long Key(int left, int right) => ((long)left << 32) | (uint)right;

    private int MergeShort(Span<int> symbols)
    {
        int count = symbols.Length;
        while (true)
        {
            int best = NoRank, at = -1, id = 0;
            for (int i = 0; i + 1 < count; i++)
            {
                if (_merges.TryGetValue(Key(symbols[i], symbols[i + 1]), out var merge) && merge.Rank < best) (best, id, at) = (merge.Rank, merge.Id, i);
            }

            if (at < 0) return count;
            symbols[at] = id;
            symbols[(at + 2)..count].CopyTo(symbols[(at + 1)..]);
            count--;
        }
    }

    // The same in n log n: pairs by rank in a queue, symbols in a list of which each knows its neighbours.
    private int MergeLong(Span<int> symbols)
    {
        int length = symbols.Length;
        int[] next = ArrayPool<int>.Shared.Rent(length), previous = ArrayPool<int>.Shared.Rent(length), ranks = ArrayPool<int>.Shared.Rent(length);
        var queue = new PriorityQueue<int, long>();
        for (int i = 0; i < length; i++) (next[i], previous[i]) = (i + 1, i - 1);
        for (int i = 0; i < length; i++) Consider(symbols, i);
        while (queue.TryDequeue(out int at, out long priority))
        {
            if (ranks[at] != priority >> 32) continue; // A pair that has changed since.
            int absorbed = next[at], after = next[absorbed];
            symbols[at] = _merges[Key(symbols[at], symbols[absorbed])].Id;
            next[at] = after;
            ranks[absorbed] = NoRank;
            if (after < length) previous[after] = at;
            Consider(symbols, at);
            if (previous[at] >= 0) Consider(symbols, previous[at]);
        }

        int count = 0;
        for (int i = 0; i < length; i = next[i]) symbols[count++] = symbols[i];
        ArrayPool<int>.Shared.Return(next);
        ArrayPool<int>.Shared.Return(previous);
        ArrayPool<int>.Shared.Return(ranks);
        return count;

        void Consider(Span<int> symbols, int at)
        {
            ranks[at] = next[at] < length && _merges.TryGetValue(Key(symbols[at], symbols[next[at]]), out var merge) ? merge.Rank : NoRank;
            if (ranks[at] != NoRank) queue.Enqueue(at, ((long)ranks[at] << 32) | (uint)at);
        }
    }
}
