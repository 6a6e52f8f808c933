using System.Runtime.InteropServices;
using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Evaluation.Tasks;

/// <summary>
/// Continuations that are scored together. The tokens with which several of them begin, such as the context of a question's choices, are
/// computed once; nothing is padded.
/// </summary>
/// <remarks>
/// Sorted, the continuations form a tree: a node is tokens that consecutive continuations have in common, and a leaf the rest of one. The
/// rows of a node see the same tokens in each of its continuations, so their predictions are the same too, to the last bit.
/// </remarks>
internal sealed class ContinuationBatch
{
    // Fewer tokens in common are computed repeatedly, because a sequence costs something too.
    private const int FewestSharedTokens = 4;

    // Rows of a tree, which one pass computes; the memory of a pass grows with them.
    private const int MostRowsPerTree = 1024;

    private readonly IReadOnlyList<EncodedContinuation> _continuations;
    private readonly int[] _order;
    private readonly List<int> _inputs = [], _targets = [], _lengths = [], _parents = [];
    private readonly int[][] _slots; // for each continuation the indexes of its tokens' scores
    private readonly int[] _slotAt; // for each position of the continuation that is being added, the index of its score, or −1
    private int _scoreCount;

    private ContinuationBatch(IReadOnlyList<EncodedContinuation> continuations)
    {
        _continuations = continuations;
        _slots = new int[continuations.Count][];
        _slotAt = new int[continuations.Max(continuation => continuation.Ids.Length)];
        _order = [.. Enumerable.Range(0, continuations.Count)];
        Array.Sort(_order, (a, b) => Ids(a).SequenceCompareTo(Ids(b)));
        for (int first = 0, end; first < _order.Length; first = end)
        {
            int rows = Ids(_order[first]).Length;
            for (end = first + 1; end < _order.Length; end++)
            {
                rows += Ids(_order[end]).Length - CommonCount(end - 1, end);
                if (rows > MostRowsPerTree) break;
            }

            Add(first, end, start: 0, parent: -1);
        }
    }

    /// <summary>Scores continuations; each has the same bits as alone.</summary>
    /// <returns>For each continuation the scores of its tokens.</returns>
    public static TokenScore[][] Score(
        GptModel model, IReadOnlyList<EncodedContinuation> continuations, CancellationToken cancellationToken)
    {
        if (continuations.Count == 0) return [];
        var batch = new ContinuationBatch(continuations);
        var scores = new TokenScore[batch._scoreCount];
        model.Score(
            new ScoringBatch
            {
                Inputs = CollectionsMarshal.AsSpan(batch._inputs),
                Targets = CollectionsMarshal.AsSpan(batch._targets),
                Lengths = CollectionsMarshal.AsSpan(batch._lengths),
                Parents = [.. batch._parents],
                Scores = scores,
            },
            cancellationToken);
        return [.. batch._slots.Select(slots => Array.ConvertAll(slots, slot => scores[slot]))];
    }

    /// <summary>Returns the number of tokens with which two continuations and their contexts begin.</summary>
    public static int CommonCount(EncodedContinuation left, EncodedContinuation right) => left.Ids.AsSpan().CommonPrefixLength(right.Ids);

    // Adds the continuations of a range in the order, whose tokens before the start have been added.
    private void Add(int first, int end, int start, int parent)
    {
        // The row of the last common token is left to the leaves, because what follows it differs.
        int common = CommonCount(first, end - 1) - 1;
        if (end - first > 1 && common - start >= FewestSharedTokens)
        {
            parent = AddRows(first, end, start, common, parent);
            start = common;
        }

        for (int next; first < end; first = next)
        {
            next = first + 1;
            while (next < end && CommonCount(first, next) - 1 - start >= FewestSharedTokens) next++;
            if (next - first > 1) Add(first, next, start, parent);
            else AddLeaf(first, start, parent);
        }
    }

    private void AddLeaf(int first, int start, int parent)
    {
        var continuation = _continuations[_order[first]];
        int end = continuation.Ids.Length - 1;
        if (end > start) AddRows(first, first + 1, start, end, parent); // otherwise it equals another one
        _slots[_order[first]] = _slotAt[(continuation.ContextCount - 1)..end];
    }

    // Adds the rows of the positions that the continuations of a range have in common, and returns their sequence. A row is scored if it
    // is before a continuation's token.
    private int AddRows(int first, int end, int start, int until, int parent)
    {
        int scoredFrom = int.MaxValue;
        for (int i = first; i < end; i++) scoredFrom = Math.Min(scoredFrom, _continuations[_order[i]].ContextCount - 1);
        var ids = Ids(_order[first]);
        for (int position = start; position < until; position++)
        {
            _inputs.Add(ids[position]);
            _targets.Add(position >= scoredFrom ? ids[position + 1] : -1);
            _slotAt[position] = position >= scoredFrom ? _scoreCount++ : -1;
        }

        _lengths.Add(until - start);
        _parents.Add(parent);
        return _lengths.Count - 1;
    }

    private ReadOnlySpan<int> Ids(int continuation) => _continuations[continuation].Ids;

    private int CommonCount(int first, int second) => CommonCount(_continuations[_order[first]], _continuations[_order[second]]);
}
