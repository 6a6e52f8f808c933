namespace MLNet.Gpt.Tokenization;

/// <summary>
/// Byte-pair merging with a list of merges: the adjacent pair that comes first in the list becomes one token, the
/// leftmost first, until no adjacent pair is in the list. Source: Sennrich et al. (2016).
/// </summary>
internal sealed class BytePairMerges
{
    // Symbols per piece up to which scanning all of them is faster than a priority queue.
    private const int ShortPiece = 24;
    private const int NoRank = int.MaxValue;

    private readonly Dictionary<long, (int Rank, int Id)> _merges;

    /// <param name="merges">The pairs in order.</param>
    /// <param name="merged">The token that each pair becomes.</param>
    /// <exception cref="ArgumentException">A pair occurs twice.</exception>
    public BytePairMerges(IReadOnlyList<(int Left, int Right)> merges, IReadOnlyList<int> merged)
    {
        _merges = new(merges.Count);
        for (int rank = 0; rank < merges.Count; rank++)
        {
            if (_merges.TryAdd(Key(merges[rank].Left, merges[rank].Right), (rank, merged[rank]))) continue;
            throw new ArgumentException(
                $"Merge {rank} joins the ids {merges[rank].Left} and {merges[rank].Right}, which an earlier merge joins already.",
                nameof(merges));
        }
    }

    /// <summary>Merges symbols in place.</summary>
    /// <returns>The number of symbols that are left, at the beginning of the span.</returns>
    public int Merge(Span<int> symbols, CancellationToken cancellationToken) => symbols.Length <= ShortPiece
        ? MergeShort(symbols)
        : LongPieceMerger.Merge(new Table(_merges), symbols, cancellationToken);

    private static long Key(int left, int right) => ((long)left << 32) | (uint)right;

    private int MergeShort(Span<int> symbols)
    {
        int count = symbols.Length;
        while (true)
        {
            int best = NoRank, at = -1, id = 0;
            for (int i = 0; i + 1 < count; i++)
            {
                if (!_merges.TryGetValue(Key(symbols[i], symbols[i + 1]), out var merge) || merge.Rank >= best) continue;
                (best, id, at) = (merge.Rank, merge.Id, i);
            }

            if (at < 0) return count;
            symbols[at] = id;
            symbols[(at + 2)..count].CopyTo(symbols[(at + 1)..]);
            count--;
        }
    }

    private readonly struct Table(Dictionary<long, (int Rank, int Id)> merges) : IMergeTable
    {
        public bool TryMerge(int left, int right, out int rank, out int id)
        {
            bool isFound = merges.TryGetValue(Key(left, right), out var merge);
            (rank, id) = merge;
            return isFound;
        }
    }
}
