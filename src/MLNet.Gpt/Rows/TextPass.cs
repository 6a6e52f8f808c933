using System.Runtime.InteropServices;
using MLNet.Gpt.Evaluation.Scoring;
using MLNet.Gpt.Generation.Sampling;
using MLNet.Gpt.Hosting;
using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Rows;

/// <summary>
/// Packs texts into passes of the model: no padding, each text read once for its loss and its next token. A text that is longer than the
/// context is measured in windows, as the options say, and its next token is predicted from its last tokens.
/// </summary>
internal sealed class TextPass(GptModel model, ScoringOptions scoring, TextParts parts, int candidateCount, Action<TextParts, int>? starting, Cancellation cancellation)
    : SequenceEnds
{
    // Enough for the engine's products at full speed; bounds what is held, however long a text.
    private const int MostTokens = 2048;

    private readonly List<int> _inputs = [], _targets = [], _lengths = [];
    private readonly List<ScoredText?> _endOf = []; // for each sequence the text whose end it is
    private readonly List<(ScoredText Text, int First, int Count)> _losses = []; // which text's scores follow one another, and from where on

    private int Context => model.Config.ContextLength;

    private bool WantsEnds => (parts & (TextParts.NextToken | TextParts.Embedding)) != 0;

    public override bool WantsLogits => parts.HasFlag(TextParts.NextToken);

    public override bool IsWanted(int sequence) => _endOf[sequence] is not null;

    /// <summary>Takes a text in; it is computed by the end of <see cref="Complete"/>, some of it perhaps before.</summary>
    public void Add(ScoredText text)
    {
        int[] ids = text.Ids, lossIds = text.LossIds;
        bool isEndRead = !WantsEnds || ids.Length == 0;
        if (ids.Length == 0 && WantsEnds) ShowNothing(text);
        if (parts.HasFlag(TextParts.Loss))
        {
            text.TokenScores = new TokenScore[text.TokenCount];
            if (!isEndRead && lossIds.Length == ids.Length && ids.Length <= scoring.WindowLengthFor(model.Config))
            {
                // One sequence serves both: the last token predicts the next, and has no target.
                AddSequence(ids, [.. ids.AsSpan(1), -1], text, firstScore: 0, isEnd: true);
                isEndRead = true;
            }
            else
            {
                var windows = new WindowCursor(scoring.WindowLengthFor(model.Config), scoring.StrideFor(model.Config), scoring.LastWindow);
                while (windows.TryNext(text.TokenCount, isWhole: true, out var window))
                {
                    int start = (int)window.Start, context = window.ContextCount;
                    int[] targets = lossIds[(start + 1)..(start + 1 + window.Length)];
                    targets.AsSpan(0, context).Fill(-1);
                    AddSequence(lossIds.AsSpan(start, window.Length), targets, text, start + context, isEnd: false);
                }
            }
        }

        if (!isEndRead)
        {
            var end = ids.AsSpan(Math.Max(0, ids.Length - Context));
            AddSequence(end, [.. Enumerable.Repeat(-1, end.Length)], text, firstScore: -1, isEnd: true);
        }
    }

    /// <summary>Computes what is not computed yet.</summary>
    public void Complete()
    {
        cancellation.ThrowIfRequested();
        if (_inputs.Count == 0) return;
        starting?.Invoke(parts, _inputs.Count);
        var scores = new TokenScore[_losses.Sum(loss => loss.Count)];
        model.Score(
            new ScoringBatch
            {
                Inputs = CollectionsMarshal.AsSpan(_inputs),
                Targets = CollectionsMarshal.AsSpan(_targets),
                Lengths = CollectionsMarshal.AsSpan(_lengths),
                Scores = scores,
                Ends = this,
            },
            cancellation.Token);
        int scored = 0;
        foreach (var (text, first, count) in _losses)
        {
            scores.AsSpan(scored, count).CopyTo(text.TokenScores.AsSpan(first));
            scored += count;
        }

        _inputs.Clear();
        _targets.Clear();
        _lengths.Clear();
        _endOf.Clear();
        _losses.Clear();
    }

    public override void Show(int sequence, ReadOnlySpan<float> hiddenState, ReadOnlySpan<float> logits)
    {
        var text = _endOf[sequence]!;
        if (parts.HasFlag(TextParts.Embedding)) text.Embedding = hiddenState.ToArray();
        if (WantsLogits) text.Candidates = LogProbabilities.Best(logits, candidateCount);
    }

    private void ShowNothing(ScoredText text)
    {
        if (parts.HasFlag(TextParts.Embedding)) text.Embedding = [.. Enumerable.Repeat(float.NaN, model.Config.EmbeddingWidth)];
        if (WantsLogits) text.Candidates = [.. Enumerable.Repeat(new TokenCandidate(-1, double.NaN), candidateCount)];
    }

    private void AddSequence(ReadOnlySpan<int> inputs, ReadOnlySpan<int> targets, ScoredText text, int firstScore, bool isEnd)
    {
        if (_inputs.Count > 0 && _inputs.Count + inputs.Length > MostTokens) Complete();
        if (firstScore >= 0) _losses.Add((text, firstScore, targets.Length - targets.Count(-1)));
        _inputs.AddRange(inputs);
        _targets.AddRange(targets);
        _lengths.Add(inputs.Length);
        _endOf.Add(isEnd ? text : null);
    }
}
