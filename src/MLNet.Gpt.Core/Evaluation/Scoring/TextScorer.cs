using MLNet.Gpt.Evaluation.Corpora;
using MLNet.Gpt.Evaluation.Scoring;

namespace MLNet.Gpt;

/// <summary>Measures text with a model: each token's negative log-likelihood, summed per document. Safe for use by many threads.</summary>
/// <remarks>
/// A document longer than the context is read in windows, as <see cref="ScoringOptions"/> say; by default they do not overlap, as in the
/// lecture. Every target is scored exactly once. For corpora of many documents use <see cref="CorpusEvaluator"/>.
/// </remarks>
public sealed class TextScorer
{
    // Enough for the engine's products at full speed; bounds what one call holds, however long the document.
    private const int RowsPerCall = 2048;

    private readonly GptModel _model;
    private readonly ScoringOptions _options;

    /// <summary>Measures with a model.</summary>
    /// <exception cref="ArgumentException">
    /// The options do not fit the model: a window is longer than its context, or an end-of-text token is wanted and
    /// there is none.
    /// </exception>
    public TextScorer(GptModel model, ScoringOptions? options = null)
    {
        _model = model;
        _options = (options ?? new()).ValidatedFor(model.Config, model.Tokenizer);
    }

    /// <summary>
    /// The score of one document. A text of no token, or of one with nothing before it, has no target: its token count
    /// is 0.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The model's logits hold NaN.</exception>
    public DocumentScore Score(ReadOnlySpan<char> text, CancellationToken cancellationToken = default)
    {
        int[] ids = Encode(text);
        return Summarize(text, ids, ScoreTokens(ids, cancellationToken));
    }

    /// <summary>The score of one document, and what the model made of each of its tokens.</summary>
    /// <param name="text">The document.</param>
    /// <param name="detail">What is wanted of each token; <see langword="null"/>: its log-probability and rank.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    /// <exception cref="ArgumentException">More candidates are wanted than there are tokens.</exception>
    public DocumentResult Describe(string text, TokenDetail? detail = null, CancellationToken cancellationToken = default) =>
        new CorpusEvaluator(_model, _options with { Documents = DocumentBoundaries.Separate }, new() { Tokens = detail ?? new() })
            .EvaluateDocuments(Corpus.Of([new(string.Empty, text)]), cancellationToken)
            .Single();

    /// <summary>
    /// The ids that <see cref="Score"/> measures: the text's, after the token that begins a document if the options ask
    /// for it.
    /// </summary>
    public int[] Encode(ReadOnlySpan<char> text)
    {
        int[] ids = _model.Tokenizer.Encode(text, _options.SpecialTokens);
        return _options.PrependEndOfText ? [_model.Tokenizer.BeginningOfTextId!.Value, .. ids] : ids;
    }

    /// <summary>The score of each id after the first, as the model predicts it from those before it in its window.</summary>
    public TokenScore[] ScoreTokens(ReadOnlySpan<int> ids, CancellationToken cancellationToken = default)
    {
        if (ids.Length < 2) return [];

        var scores = new TokenScore[ids.Length - 1];
        var windows = new WindowCursor(_options.WindowLengthFor(_model.Config), _options.StrideFor(_model.Config), _options.LastWindow);
        var batch = new WindowBatch();
        int scored = 0;
        while (windows.TryNext(scores.Length, isWhole: true, out var window))
        {
            batch.Add(ids.Slice((int)window.Start, window.Length + 1), window.ContextCount);
            if (batch.RowCount >= RowsPerCall || windows.ScoredCount == scores.Length)
            {
                batch.Score(_model, RowsPerCall, scores.AsSpan(scored, batch.TargetCount), null, cancellationToken);
                scored += batch.TargetCount;
                batch.Clear();
            }
        }

        return scores;
    }

    /// <summary>The score of a document from those of its tokens.</summary>
    internal DocumentScore Summarize(ReadOnlySpan<char> text, ReadOnlySpan<int> ids, ReadOnlySpan<TokenScore> scores) =>
        DocumentScore.Of(scores, PredictedSize(text, ids));

    private TextSize PredictedSize(ReadOnlySpan<char> text, ReadOnlySpan<int> ids)
    {
        if (ids.Length < 2) return default;
        if (_options.PrependEndOfText) return TextSize.Of(text);

        var document = new EncodedDocument(0, 0, new(string.Empty, text.ToString()), ids.ToArray(), _model.Tokenizer);
        document.Walk(1);
        return document.Walk(ids.Length);
    }
}
