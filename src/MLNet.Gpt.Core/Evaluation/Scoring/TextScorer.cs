using MLNet.Gpt.Evaluation.Metrics;
using MLNet.Gpt.Evaluation.Scoring;
using MLNet.Gpt.Inference;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>
/// Measures texts with a model: the negative log-likelihood of each token, summed per text. Thread-safe.
/// </summary>
/// <remarks>
/// A text longer than the context is read in windows, as <see cref="ScoringOptions"/> say; by default they do not
/// overlap, as in the lecture. Every target is scored exactly once. For corpora of many documents use
/// <see cref="CorpusEvaluator"/>.
/// </remarks>
public sealed class TextScorer
{
    // Enough for matrix products at full speed; bounds the memory of one call, however long the text.
    private const int RowsPerCall = 2048;

    private readonly GptModel _model;
    private readonly ScoringOptions _options;

    /// <summary>Initializes a scorer for a model.</summary>
    /// <param name="model">The model. Not owned: it must outlive the scorer.</param>
    /// <param name="options">How texts are measured; the defaults if <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">
    /// The options do not fit the model: a window is longer than its context, or they need an end-of-text token that the vocabulary lacks.
    /// </exception>
    public TextScorer(GptModel model, ScoringOptions? options = null)
    {
        _model = model;
        _options = (options ?? new()).ValidatedFor(model.Config, model.Tokenizer);
    }

    /// <summary>
    /// Measures one text. A text without tokens, or with a single token and nothing before it, has no targets: its
    /// token count is 0.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="cancellationToken">Cancels the computation.</param>
    /// <exception cref="InvalidOperationException">A loss is not a number, because weights are NaN or activations overflow.</exception>
    /// <exception cref="OperationCanceledException">The computation was canceled.</exception>
    public LanguageModelMetrics Score(ReadOnlySpan<char> text, CancellationToken cancellationToken = default)
    {
        int[] ids = Encode(text, cancellationToken);
        return Summarize(text, ids, ScoreIds(ids, cancellationToken));
    }

    /// <summary>Measures one text on the thread pool.</summary>
    /// <inheritdoc cref="Score" path="/param|/exception"/>
    public Task<LanguageModelMetrics> ScoreAsync(string text, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Task.Run(() => Score(text, cancellationToken), cancellationToken);
    }

    /// <summary>Measures one text and returns the model's prediction for each of its tokens.</summary>
    /// <param name="text">The text.</param>
    /// <param name="options">What to compute for each token; the log-probability and the rank if <see langword="null"/>.</param>
    /// <param name="cancellationToken">Cancels the computation.</param>
    /// <exception cref="ArgumentException">More candidates were requested than there are tokens in the vocabulary.</exception>
    /// <inheritdoc cref="Score" path="/exception"/>
    public DocumentResult ScoreTokens(string text, TokenOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        var splitter = new ChunkSplitter(
            _options with { Documents = DocumentBoundaries.Separate }, _model.Config, _model.Tokenizer, keepsEnds: true);
        var scorer = NewScorer(options);
        var chunks = splitter.Split([new(string.Empty, text)], cancellationToken);
        var results = chunks.SelectMany(chunk => scorer.Score(chunk, cancellationToken).Documents);
        return DocumentAssembly.Of(results).Single();
    }

    /// <summary>Measures a text that is given as ids, and returns the model's prediction for each token.</summary>
    /// <param name="ids">The ids, such as those of <see cref="Encode"/>. The first is not predicted.</param>
    /// <param name="options">What to compute for each token; the log-probability and the rank if <see langword="null"/>.</param>
    /// <param name="cancellationToken">Cancels the computation.</param>
    /// <exception cref="ArgumentException">More candidates were requested than there are tokens in the vocabulary.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    /// <inheritdoc cref="Score" path="/exception"/>
    public DocumentResult ScoreTokens(ReadOnlySpan<int> ids, TokenOptions? options = null, CancellationToken cancellationToken = default)
    {
        TokenIds.Validate(ids, _model.Config.VocabularySize, nameof(ids));
        var batch = new WindowBatch();
        var windows = NewWindows();
        while (windows.TryNext(ids.Length - 1, isWhole: true, out var window))
        {
            batch.Add(ids.Slice((int)window.Start, window.Length + 1), window.ContextCount);
        }

        return NewScorer(options).Score(batch, ids.IsEmpty ? null : ids[0], cancellationToken);
    }

    /// <summary>Measures one text token by token on the thread pool.</summary>
    /// <inheritdoc cref="ScoreTokens(string, TokenOptions?, CancellationToken)" path="/param|/exception"/>
    public Task<DocumentResult> ScoreTokensAsync(
        string text, TokenOptions? options = null, CancellationToken cancellationToken = default) =>
        Task.Run(() => ScoreTokens(text, options, cancellationToken), cancellationToken);

    /// <summary>
    /// Measures rows of ids as in a training batch, each input with its target. Rows are used as they are, without
    /// windows or a start token.
    /// </summary>
    /// <param name="inputs">
    /// The input ids, row by row, (B, T); each row at most as long as the context. Rows may differ in length.
    /// </param>
    /// <param name="targets">For each input the id to predict, in the same shape. A negative one is not scored.</param>
    /// <param name="options">
    /// What to compute for each token; the log-probability and the rank if <see langword="null"/>.
    /// </param>
    /// <param name="cancellationToken">Cancels the computation.</param>
    /// <returns>
    /// One result per row. Its tokens are the targets; the first has <see cref="ScoredToken.Position"/> 1, after the
    /// first input.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// The shapes differ, a row is longer than the context, or more candidates were requested than there are tokens in
    /// the vocabulary.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    /// <inheritdoc cref="Score" path="/exception"/>
    public IReadOnlyList<DocumentResult> ScoreBatch(
        IReadOnlyList<int[]> inputs,
        IReadOnlyList<int[]> targets,
        TokenOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        if (!inputs.Select(row => row.Length).SequenceEqual(targets.Select(row => row.Length)))
        {
            throw new ArgumentException(
                $"Inputs have the shape {Shape(inputs)} and targets {Shape(targets)}; each input needs one target.", nameof(targets));
        }

        foreach (int[] row in targets) TokenIds.Validate([.. row.Where(id => id >= 0)], _model.Config.VocabularySize, nameof(targets));
        return NewScorer(options).Score(inputs, targets, cancellationToken);
    }

    /// <summary>
    /// Returns the ids that <see cref="Score"/> measures: those of the text, preceded by the token that begins a
    /// document if the options say so.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="cancellationToken">Cancels encoding.</param>
    public int[] Encode(ReadOnlySpan<char> text, CancellationToken cancellationToken = default)
    {
        int[] ids = _model.Tokenizer.Encode(text, _options.SpecialTokens, cancellationToken);
        return _options.PrependEndOfText ? [_model.Tokenizer.BeginningOfTextId!.Value, .. ids] : ids;
    }

    /// <summary>Scores each id after the first, as the model predicts it from those before it in its window.</summary>
    internal TokenScore[] ScoreIds(ReadOnlySpan<int> ids, CancellationToken cancellationToken = default)
    {
        if (ids.Length < 2) return [];

        var scores = new TokenScore[ids.Length - 1];
        var windows = NewWindows();
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

    /// <summary>Sums up the scores of a text's ids after the first.</summary>
    internal LanguageModelMetrics Summarize(ReadOnlySpan<char> text, ReadOnlySpan<int> ids, ReadOnlySpan<TokenScore> scores)
    {
        if (scores.IsEmpty) return LanguageModelMetrics.Of(scores, default, _model.Config.VocabularySize);
        int first = _options.PrependEndOfText ? 0 : 1;
        var document = new EncodedDocument(0, 0, new(string.Empty, text.ToString()), ids[(1 - first)..].ToArray(), _model.Tokenizer);
        var span = new DocumentSpan(document, first, opensDocument: true) { TargetCount = scores.Length };
        span.Measure(keepsEnds: false);
        var blocks = span.BlocksOf(scores, _model.Config.VocabularySize);
        return LanguageModelMetrics.Of(scores, span.Size, _model.Config.VocabularySize)
            .With(blocks is null ? null : UnitSums.OfDocument(blocks));
    }

    private static string Shape(IReadOnlyList<int[]> rows)
    {
        int[] lengths = [.. rows.Select(row => row.Length).Distinct()];
        return lengths.Length == 1 ? $"({rows.Count}, {lengths[0]})" : $"({string.Join(" + ", rows.Select(row => row.Length))})";
    }

    private WindowCursor NewWindows() =>
        new(_options.WindowLengthFor(_model.Config), _options.StrideFor(_model.Config), _options.LastWindow);

    private ChunkScorer NewScorer(TokenOptions? options) => new(_model, (options ?? new()).ValidatedFor(_model.Config), RowsPerCall);
}
