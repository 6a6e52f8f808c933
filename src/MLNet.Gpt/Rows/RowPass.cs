using System.Runtime.InteropServices;
using MLNet.Gpt.Evaluation.Scoring;
using MLNet.Gpt.Generation;
using MLNet.Gpt.Hosting;
using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Rows;

/// <summary>
/// Packs texts into passes of the model, without padding; one sequence serves both a text's loss and its next token if
/// possible. A text that is longer than the context is measured in windows, as the options say, and its next token is
/// predicted from its last tokens.
/// </summary>
/// <param name="model">The model.</param>
/// <param name="options">How texts are measured, and how many candidates are kept.</param>
/// <param name="parts">What to compute.</param>
/// <param name="texts">The texts.</param>
/// <param name="starting">Called before each pass with its parts and its number of tokens.</param>
/// <param name="cancellation">Stops the work.</param>
internal sealed class RowPass(
    GptModel model,
    GptTransformerOptions options,
    TextParts parts,
    IReadOnlyList<RowText> texts,
    Action<TextParts, int>? starting,
    Cancellation cancellation) : SequenceEnds
{
    // Enough for the engine's products to run at full speed. Limits the memory of a pass, however long a text is.
    private const int MostTokens = 2048;

    private readonly List<int> _inputs = [], _targets = [], _lengths = [];
    private readonly List<int> _endOf = []; // for each sequence the index of the text that ends with it, or −1
    private readonly List<(int Text, int First, int Count)> _losses = []; // where the scores of a sequence go
    private readonly TokenScore[][] _scores = Empty<TokenScore>(texts.Count);
    private readonly float[][] _embeddings = Empty<float>(texts.Count);
    private readonly TokenCandidate[][] _candidates = Empty<TokenCandidate>(texts.Count);

    public override bool WantsLogits => parts.HasFlag(TextParts.NextToken);

    private bool WantsEnds => (parts & (TextParts.NextToken | TextParts.Embedding)) != 0;

    /// <summary>Computes the parts of all texts.</summary>
    public RowResult[] Run()
    {
        for (int i = 0; i < texts.Count; i++) Add(i, texts[i]);
        Compute();
        return [.. texts.Select((text, i) => new RowResult(text)
        {
            Parts = parts, TokenScores = _scores[i], Candidates = _candidates[i], Embedding = _embeddings[i],
        })];
    }

    public override bool IsWanted(int sequence) => _endOf[sequence] >= 0;

    public override void Show(int sequence, ReadOnlySpan<float> hiddenState, ReadOnlySpan<float> logits)
    {
        int text = _endOf[sequence];
        if (parts.HasFlag(TextParts.Embedding)) _embeddings[text] = hiddenState.ToArray();
        if (WantsLogits) _candidates[text] = LogProbabilities.Best(logits, options.Columns.CandidateCount, model.Tokenizer);
    }

    private static T[][] Empty<T>(int count)
    {
        var arrays = new T[count][];
        Array.Fill(arrays, []);
        return arrays;
    }

    private void Add(int index, RowText text)
    {
        var scoring = options.Scoring;
        int[] ids = text.Ids, lossIds = text.LossIds;
        bool isEndRead = !WantsEnds || ids.Length == 0;
        if (ids.Length == 0 && WantsEnds) SetNoEnd(index);
        if (parts.HasFlag(TextParts.Loss))
        {
            _scores[index] = new TokenScore[text.TargetCount];
            if (!isEndRead && lossIds.Length == ids.Length && ids.Length <= scoring.WindowLengthFor(model.Config))
            {
                // One sequence serves both: the last token predicts the next one, and has no target.
                AddSequence(ids, [.. ids.AsSpan(1), -1], index, firstScore: 0, isEnd: true);
                isEndRead = true;
            }
            else
            {
                var windows = new WindowCursor(scoring.WindowLengthFor(model.Config), scoring.StrideFor(model.Config), scoring.LastWindow);
                while (windows.TryNext(text.TargetCount, isWhole: true, out var window))
                {
                    int start = (int)window.Start, context = window.ContextCount;
                    int[] targets = lossIds[(start + 1)..(start + 1 + window.Length)];
                    targets.AsSpan(0, context).Fill(-1);
                    AddSequence(lossIds.AsSpan(start, window.Length), targets, index, start + context, isEnd: false);
                }
            }
        }

        if (!isEndRead)
        {
            var end = ids.AsSpan(Math.Max(0, ids.Length - model.Config.ContextLength));
            AddSequence(end, [.. Enumerable.Repeat(-1, end.Length)], index, firstScore: -1, isEnd: true);
        }
    }

    // A text without tokens has no next token and no embedding.
    private void SetNoEnd(int index)
    {
        if (parts.HasFlag(TextParts.Embedding)) _embeddings[index] = [.. Enumerable.Repeat(float.NaN, model.Config.EmbeddingWidth)];
        if (WantsLogits)
            _candidates[index] = [.. Enumerable.Repeat(new TokenCandidate(-1, string.Empty, double.NaN), options.Columns.CandidateCount)];
    }

    private void AddSequence(ReadOnlySpan<int> inputs, ReadOnlySpan<int> targets, int index, int firstScore, bool isEnd)
    {
        if (_inputs.Count > 0 && _inputs.Count + inputs.Length > MostTokens) Compute();
        if (firstScore >= 0) _losses.Add((index, firstScore, targets.Length - targets.Count(-1)));
        _inputs.AddRange(inputs);
        _targets.AddRange(targets);
        _lengths.Add(inputs.Length);
        _endOf.Add(isEnd ? index : -1);
    }

    // Runs the sequences that were added since the last pass.
    private void Compute()
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
        var rest = scores.AsSpan();
        foreach (var (text, first, count) in _losses)
        {
            rest[..count].CopyTo(_scores[text].AsSpan(first));
            rest = rest[count..];
        }

        _inputs.Clear();
        _targets.Clear();
        _lengths.Clear();
        _endOf.Clear();
        _losses.Clear();
    }
}
