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
    /// <param name="ranks">The rank of each pair, of which the lowest merges first; the pairs' order if <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">A pair occurs twice.</exception>
    public BytePairMerges(IReadOnlyList<(int Left, int Right)> merges, IReadOnlyList<int> merged, IReadOnlyList<int>? ranks = null)
    {
        _merges = new(merges.Count);
        for (int i = 0; i < merges.Count; i++)
        {
            if (_merges.TryAdd(Key(merges[i].Left, merges[i].Right), (ranks?[i] ?? i, merged[i]))) continue;
            throw new ArgumentException(
                $"Merge {i} joins the ids {merges[i].Left} and {merges[i].Right}, which an earlier merge joins already.",
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
        // The merge of each symbol with the next one; only two of them change when two symbols are merged.
        Span<(int Rank, int Id)> pairs = stackalloc (int, int)[ShortPiece];
        int count = symbols.Length;
        for (int i = 0; i + 1 < count; i++) pairs[i] = Find(symbols[i], symbols[i + 1]);
        while (true)
        {
            int best = NoRank, at = -1;
            for (int i = 0; i + 1 < count; i++)
            {
                if (pairs[i].Rank < best) (best, at) = (pairs[i].Rank, i);
            }

            if (at < 0) return count;
            symbols[at] = pairs[at].Id;
            symbols[(at + 2)..count].CopyTo(symbols[(at + 1)..]);
            pairs[(at + 1)..count].CopyTo(pairs[at..]);
            count--;
            if (at > 0) pairs[at - 1] = Find(symbols[at - 1], symbols[at]);
            if (at + 1 < count) pairs[at] = Find(symbols[at], symbols[at + 1]);
        }
    }

    private (int Rank, int Id) Find(int left, int right) =>
        _merges.TryGetValue(Key(left, right), out var merge) ? merge : (NoRank, -1);

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
