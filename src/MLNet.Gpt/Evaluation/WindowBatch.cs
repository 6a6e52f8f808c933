using System.Runtime.InteropServices;
using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Evaluation;

/// <summary>Windows packed one after the other, with no padding between them, and their scores.</summary>
internal sealed class WindowBatch
{
    private readonly List<int> _inputs = [], _targets = [], _lengths = [], _contextCounts = [];

    /// <summary>Tokens that the model is given.</summary>
    public int RowCount => _inputs.Count;

    /// <summary>Targets, in the order of the text.</summary>
    public int TargetCount => _targets.Count;

    /// <summary>The targets' ids.</summary>
    public ReadOnlySpan<int> Targets => CollectionsMarshal.AsSpan(_targets);

    /// <summary>All that the scores depend on beside the model: window lengths, given tokens, and targets.</summary>
    public IEnumerable<int> Contents => [.. _lengths, .. _contextCounts, .. _inputs, .. _targets];

    /// <summary>Adds a window.</summary>
    /// <param name="ids">The tokens that are given, and the one after them.</param>
    /// <param name="contextCount">Of the given ones the first, whose next token is not scored.</param>
    public void Add(ReadOnlySpan<int> ids, int contextCount)
    {
        _lengths.Add(ids.Length - 1);
        _contextCounts.Add(contextCount);
        _inputs.AddRange(ids[..^1]);
        _targets.AddRange(ids[(contextCount + 1)..]);
    }

    /// <summary>Empties it for new windows.</summary>
    public void Clear()
    {
        _inputs.Clear();
        _targets.Clear();
        _lengths.Clear();
        _contextCounts.Clear();
    }

    /// <summary>Scores all targets.</summary>
    /// <param name="model">The model.</param>
    /// <param name="rowsPerCall">Tokens that the model is given in one call, but at least one window.</param>
    /// <param name="scores">Receives one score a target.</param>
    /// <param name="details">Receives what else is wanted.</param>
    /// <param name="cancellationToken">Stops between layers.</param>
    public void Score(GptModel model, int rowsPerCall, Span<TokenScore> scores, PredictionDetails? details, CancellationToken cancellationToken)
    {
        ReadOnlySpan<int> inputs = CollectionsMarshal.AsSpan(_inputs), lengths = CollectionsMarshal.AsSpan(_lengths);
        ReadOnlySpan<int> contextCounts = CollectionsMarshal.AsSpan(_contextCounts), targets = Targets;
        int row = 0, target = 0;
        for (int window = 0, end; window < lengths.Length; window = end)
        {
            int rows = 0, count = 0;
            for (end = window; end < lengths.Length && (rows == 0 || rows + lengths[end] <= rowsPerCall); end++)
            {
                rows += lengths[end];
                count += lengths[end] - contextCounts[end];
            }

            // Details have one room for all targets; a call that is not the only one gets its own.
            var part = details is null || (target == 0 && end == lengths.Length)
                ? details
                : new PredictionDetails(count, details.Entropies is not null, details.CandidateCount);
            model.Score(
                new ScoringBatch
                {
                    Inputs = inputs.Slice(row, rows),
                    Lengths = lengths[window..end],
                    ContextCounts = contextCounts[window..end],
                    Targets = targets.Slice(target, count),
                    Scores = scores.Slice(target, count),
                    Details = part,
                },
                cancellationToken);
            if (part is not null && part != details) details!.CopyFrom(part, target);
            row += rows;
            target += count;
        }
    }

    /// <summary>For each target the number of tokens that the model sees before it.</summary>
    public IEnumerable<int> SeenCounts()
    {
        for (int window = 0; window < _lengths.Count; window++)
        {
            for (int row = _contextCounts[window]; row < _lengths[window]; row++) yield return row + 1;
        }
    }
}
