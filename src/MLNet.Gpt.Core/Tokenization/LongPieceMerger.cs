using System.Buffers;

namespace MLNet.Gpt.Tokenization;

/// <summary>The merges of a vocabulary.</summary>
internal interface IMergeTable
{
    /// <summary>Finds the token that two neighbors become, and its rank in the merge order.</summary>
    /// <param name="left">The id of the left neighbor.</param>
    /// <param name="right">The id of the right neighbor.</param>
    /// <param name="rank">Its rank; lower ranks merge first.</param>
    /// <param name="id">The token that they become.</param>
    /// <returns><see langword="false"/> if the two are not merged.</returns>
    bool TryMerge(int left, int right, out int rank, out int id);
}

/// <summary>
/// Byte-pair merging of long pieces in time n log n; scanning all pairs for each merge would take n². Pairs are in a
/// queue by rank, and symbols in a linked list.
/// </summary>
/// <remarks>
/// As long as there are neighbors to merge, the pair with the lowest rank is merged, the leftmost among equals. Source:
/// Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units" (2016).
/// </remarks>
internal static class LongPieceMerger
{
    private const int NoRank = int.MaxValue;

    /// <summary>Merges symbols in place.</summary>
    /// <returns>The number of symbols that are left, at the beginning of the span.</returns>
    public static int Merge<TTable>(TTable table, Span<int> symbols, CancellationToken cancellationToken)
        where TTable : struct, IMergeTable
    {
        int length = symbols.Length;
        int[] next = ArrayPool<int>.Shared.Rent(length), previous = ArrayPool<int>.Shared.Rent(length);
        int[] ranks = ArrayPool<int>.Shared.Rent(length), merged = ArrayPool<int>.Shared.Rent(length); // with the next symbol
        var pairs = new PriorityQueue<int, long>(length); // lowest rank first, the leftmost among equals
        for (int i = 0; i < length; i++) (next[i], previous[i]) = (i + 1, i - 1);
        for (int i = 0; i < length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Consider(symbols, i);
        }

        while (pairs.TryDequeue(out int at, out long priority))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (ranks[at] != priority >> 32) continue; // a pair that has changed since
            int absorbed = next[at], after = next[absorbed];
            symbols[at] = merged[at];
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
        ArrayPool<int>.Shared.Return(merged);
        return count;

        void Consider(Span<int> symbols, int at)
        {
            ranks[at] = NoRank;
            if (next[at] >= length || !table.TryMerge(symbols[at], symbols[next[at]], out int rank, out merged[at])) return;
            ranks[at] = rank;
            pairs.Enqueue(at, ((long)rank << 32) | (uint)at);
        }
    }
}
