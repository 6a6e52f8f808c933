using System.Runtime.InteropServices;
using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Evaluation.Scoring;

/// <summary>Windows packed one after the other, without padding.</summary>
internal sealed class WindowBatch
{
    private readonly List<int> _inputs = [], _targets = [], _lengths = [];

    /// <summary>The number of input tokens.</summary>
    public int RowCount => _inputs.Count;

    /// <summary>The number of targets.</summary>
    public int TargetCount { get; private set; }

    /// <summary>The ids of the targets, in the order of the text.</summary>
    public IEnumerable<int> Targets => _targets.Where(target => target >= 0);

    /// <summary>For each target the number of tokens that the model sees before it.</summary>
    public IEnumerable<int> SeenCounts
    {
        get
        {
            int row = 0;
            foreach (int length in _lengths)
            {
                for (int seen = 1; seen <= length; seen++)
                {
                    if (_targets[row++] >= 0) yield return seen;
                }
            }
        }
    }

    /// <summary>Everything besides the model that the scores depend on: window lengths, inputs, and targets.</summary>
    public int[] Contents => [.. _lengths, .. _inputs, .. _targets];

    /// <summary>Adds a window.</summary>
    /// <param name="ids">The inputs, and the token after them.</param>
    /// <param name="contextCount">The number of inputs, from the first, whose next token is not scored.</param>
    public void Add(ReadOnlySpan<int> ids, int contextCount)
    {
        _lengths.Add(ids.Length - 1);
        _inputs.AddRange(ids[..^1]);
        for (int i = 0; i < contextCount; i++) _targets.Add(-1);
        _targets.AddRange(ids[(contextCount + 1)..]);
        TargetCount += ids.Length - 1 - contextCount;
    }

    /// <summary>Removes all windows.</summary>
    public void Clear()
    {
        _inputs.Clear();
        _targets.Clear();
        _lengths.Clear();
        TargetCount = 0;
    }

    /// <summary>Scores all targets.</summary>
    /// <param name="model">The model.</param>
    /// <param name="rowsPerCall">The number of inputs per call, but at least one window.</param>
    /// <param name="scores">Receives one score per target.</param>
    /// <param name="details">Receives what else was requested of each target.</param>
    /// <param name="cancellationToken">Checked between layers.</param>
    /// <param name="pair">Receives how the predictions compare with those of a second model, if there is one.</param>
    public void Score(
        GptModel model, int rowsPerCall, Span<TokenScore> scores, PredictionDetails? details, CancellationToken cancellationToken,
        PairScores? pair = null)
    {
        ReadOnlySpan<int> inputs = CollectionsMarshal.AsSpan(_inputs), targets = CollectionsMarshal.AsSpan(_targets);
        ReadOnlySpan<int> lengths = CollectionsMarshal.AsSpan(_lengths);
        int first = 0, scored = 0;
        for (int window = 0, end; window < lengths.Length; window = end)
        {
            int rows = 0;
            for (end = window; end < lengths.Length && (rows == 0 || rows + lengths[end] <= rowsPerCall); end++) rows += lengths[end];
            int count = rows - targets.Slice(first, rows).Count(-1);
            model.Score(
                new ScoringBatch
                {
                    Inputs = inputs.Slice(first, rows),
                    Targets = targets.Slice(first, rows),
                    Lengths = lengths[window..end],
                    Scores = scores.Slice(scored, count),
                    Details = details,
                    Pair = pair,
                    FirstDetail = scored,
                },
                cancellationToken);
            first += rows;
            scored += count;
        }
    }
}
