using System.Diagnostics;
using System.Runtime.CompilerServices;
using MLNet.Gpt.Evaluation.Corpora;
using MLNet.Gpt.Evaluation.Metrics;
using MLNet.Gpt.Evaluation.Scoring;

namespace MLNet.Gpt;

/// <summary>Measures corpora of any size with a model. Thread-safe.</summary>
/// <remarks>
/// Documents are read, tokenized and divided on a separate thread while the model scores; windows of many documents are
/// packed into one call without padding; logits are never stored. Memory does not grow with the corpus: only one
/// document (or one window of joined documents) and a few chunks of about 1,000 tokens are in memory.
/// </remarks>
public sealed class CorpusEvaluator
{
    private readonly GptModel _model;
    private readonly GptModel? _reference;
    private readonly ScoringOptions _scoring;
    private readonly CorpusOptions _options;
    private readonly ChunkScorer _scorer;

    /// <summary>Initializes an evaluator for a model.</summary>
    /// <param name="model">The model. Not owned: it must outlive the evaluator.</param>
    /// <param name="scoring">How texts are measured; the defaults if <see langword="null"/>.</param>
    /// <param name="options">What to keep; the defaults if <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">The options do not fit the model.</exception>
    public CorpusEvaluator(GptModel model, ScoringOptions? scoring = null, CorpusOptions? options = null)
        : this(model, scoring, options, reference: null)
    {
    }

    /// <summary>Initializes an evaluator that also compares the predictions with those of a model of the same vocabulary.</summary>
    internal CorpusEvaluator(GptModel model, ScoringOptions? scoring, CorpusOptions? options, GptModel? reference)
    {
        (_model, _reference) = (model, reference);
        _scoring = (scoring ?? new()).ValidatedFor(model.Config, model.Tokenizer);
        _options = options ?? new();
        _scorer = new ChunkScorer(model, _options.Tokens?.ValidatedFor(model.Config), _options.BatchTokenCount, reference);
    }

    /// <summary>Measures a corpus.</summary>
    /// <param name="corpus">The corpus; read once, or twice where progress is reported.</param>
    /// <param name="progress">Receives a report after each chunk of about 1,000 tokens.</param>
    /// <param name="cancellationToken">Cancels the evaluation.</param>
    /// <exception cref="OperationCanceledException">The evaluation was canceled.</exception>
    public CorpusEvaluation Evaluate(
        Corpus corpus, IProgress<EvaluationProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Evaluate(corpus, receive: null, progress, cancellationToken);

    /// <summary>Measures a corpus and hands over each result.</summary>
    internal CorpusEvaluation Evaluate(
        Corpus corpus, Action<ChunkResult>? receive, IProgress<EvaluationProgress>? progress, CancellationToken cancellationToken)
    {
        var sums = NewSums(corpus, progress, cancellationToken);
        using var queue = NewQueue(corpus, _ => true, cancellationToken);
        foreach (var chunk in queue.Take())
        {
            var result = _scorer.Score(chunk, cancellationToken);
            receive?.Invoke(result);
            sums.Add(result);
        }

        return new(sums.Total, sums.Statistics, CorpusShard.Whole, null);
    }

    /// <summary>Compares the predictions for batches of ids with those of the reference.</summary>
    internal ChunkResult Compare(IReadOnlyList<int[]> inputs, IReadOnlyList<int[]> targets, CancellationToken cancellationToken) =>
        _scorer.Compare(inputs, targets, cancellationToken);

    /// <summary>Measures a corpus on the thread pool.</summary>
    /// <inheritdoc cref="Evaluate(Corpus, IProgress{EvaluationProgress}?, CancellationToken)" path="/param|/exception"/>
    public Task<CorpusEvaluation> EvaluateAsync(
        Corpus corpus, IProgress<EvaluationProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Task.Run(() => Evaluate(corpus, progress, cancellationToken), cancellationToken);

    /// <summary>
    /// Measures a shard of a corpus and writes its results to a JSON Lines file as they arrive. An interrupted run
    /// resumes where it stopped; a complete shard is read instead of recomputed. Either way the file and the figures
    /// are the same to the last bit.
    /// </summary>
    /// <param name="corpus">The corpus; read twice.</param>
    /// <param name="folder">The folder of the file; see <see cref="ResultFile"/>.</param>
    /// <param name="shard">Which shard; by default the whole corpus.</param>
    /// <param name="progress">Receives a report after each chunk of about 1,000 tokens.</param>
    /// <param name="cancellationToken">Cancels the evaluation; what has been written remains.</param>
    /// <exception cref="InvalidDataException">
    /// The file is damaged, or belongs to another model, text or set of options.
    /// </exception>
    /// <exception cref="IOException">The file cannot be written, or another process is using it.</exception>
    /// <exception cref="OperationCanceledException">The evaluation was canceled.</exception>
    public CorpusEvaluation Evaluate(
        Corpus corpus, string folder, CorpusShard shard = default, IProgress<EvaluationProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        Evaluate(corpus, folder, shard, receive: null, progress, cancellationToken);

    /// <summary>Measures a shard of a corpus into a file and hands over each result, read or computed.</summary>
    internal CorpusEvaluation Evaluate(
        Corpus corpus, string folder, CorpusShard shard, Action<ChunkResult>? receive, IProgress<EvaluationProgress>? progress,
        CancellationToken cancellationToken)
    {
        var header = NewHeader(corpus, shard, cancellationToken);
        using var file = ShardFile.Open(header.PathIn(folder), header);
        var sums = NewSums(corpus, progress, cancellationToken);
        var done = new Dictionary<long, string>();
        foreach (var result in file.ReadResults())
        {
            done.Add(result.Index, result.ContentHash);
            receive?.Invoke(result);
            sums.Resume(result);
        }

        if (!file.IsComplete)
        {
            using var queue = NewQueue(corpus, chunk => shard.Has(chunk.Index) && !IsDone(done, chunk, file.Path), cancellationToken);
            foreach (var chunk in queue.Take())
            {
                var result = _scorer.Score(chunk, cancellationToken);
                result = file.Append(result);
                receive?.Invoke(result);
                sums.Add(result);
            }

            file.Complete(queue.ChunkCount);
        }

        return new(sums.Total, sums.Statistics, shard, file.Path);
    }

    /// <summary>Measures a shard of a corpus into a file on the thread pool.</summary>
    /// <inheritdoc
    /// cref="Evaluate(Corpus, string, CorpusShard, IProgress{EvaluationProgress}?, CancellationToken)"
    /// path="/param|/exception"/>
    public Task<CorpusEvaluation> EvaluateAsync(
        Corpus corpus, string folder, CorpusShard shard = default, IProgress<EvaluationProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        Task.Run(() => Evaluate(corpus, folder, shard, progress, cancellationToken), cancellationToken);

    /// <summary>
    /// Returns the path of a shard's result file. Its name consists of a fingerprint of the model's weights, the
    /// tokenizer, the options and the corpus, and of the number of the shard, so that different measurements never
    /// share a file.
    /// </summary>
    public string ResultFile(Corpus corpus, string folder, CorpusShard shard = default) =>
        NewHeader(corpus, shard, CancellationToken.None).PathIn(folder);

    /// <summary>
    /// Measures a corpus document by document and yields each result, in order, as soon as it is available.
    /// </summary>
    /// <param name="corpus">The corpus; read once, or twice where progress is reported.</param>
    /// <param name="progress">Receives a report after each chunk of about 1,000 tokens.</param>
    /// <param name="cancellationToken">Cancels the evaluation.</param>
    /// <exception cref="OperationCanceledException">The evaluation was canceled.</exception>
    public IEnumerable<DocumentResult> EvaluateDocuments(
        Corpus corpus, IProgress<EvaluationProgress>? progress = null, CancellationToken cancellationToken = default) =>
        DocumentAssembly.Of(EvaluateParts(corpus, progress, cancellationToken));

    /// <summary>
    /// Measures a corpus like <see cref="EvaluateDocuments"/>, but yields a long document in parts of about 1,000 tokens, each as soon as
    /// it is available. Parts with the same <see cref="DocumentResult.Index"/> belong together: their metrics add up to the document's,
    /// and their tokens are the document's in order.
    /// </summary>
    /// <inheritdoc cref="EvaluateDocuments" path="/param|/exception"/>
    public IEnumerable<DocumentResult> EvaluateParts(
        Corpus corpus, IProgress<EvaluationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var sums = NewSums(corpus, progress, cancellationToken);
        using var queue = NewQueue(corpus, _ => true, cancellationToken);
        foreach (var chunk in queue.Take())
        {
            var result = _scorer.Score(chunk, cancellationToken);
            sums.Add(result);
            foreach (var part in result.Documents) yield return part;
        }
    }

    /// <summary>Measures a corpus document by document on the thread pool.</summary>
    /// <inheritdoc cref="EvaluateDocuments" path="/param|/exception"/>
    public async IAsyncEnumerable<DocumentResult> EvaluateDocumentsAsync(
        Corpus corpus,
        IProgress<EvaluationProgress>? progress = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var documents = EvaluateDocuments(corpus, progress, cancellationToken).GetEnumerator();
        while (await Task.Run(documents.MoveNext, cancellationToken).ConfigureAwait(false)) yield return documents.Current;
    }

    private ChunkQueue NewQueue(Corpus corpus, Func<Chunk, bool> isWanted, CancellationToken cancellationToken)
    {
        var splitter = new ChunkSplitter(_scoring, _model.Config, _model.Tokenizer, keepsEnds: _options.Tokens is not null);
        return new(splitter.Split(corpus.Documents, cancellationToken), isWanted, cancellationToken);
    }

    private RunningSums NewSums(Corpus corpus, IProgress<EvaluationProgress>? progress, CancellationToken cancellationToken) =>
        new(_model.Config.VocabularySize, progress, progress is null ? 0 : corpus.Identify(cancellationToken).CharacterCount);

    private ResultHeader NewHeader(Corpus corpus, CorpusShard shard, CancellationToken cancellationToken) => new()
    {
        Model = _reference is null ? ModelFingerprint.Of(_model) : $"{ModelFingerprint.Of(_reference)}/{ModelFingerprint.Of(_model)}",
        Scoring = _scoring.Describe(_model.Config),
        Detail = _reference is null ? _options.Describe() : ResultHeader.DivergenceDetail,
        Corpus = corpus.Identify(cancellationToken).Fingerprint,
        VocabularySize = _model.Config.VocabularySize,
        Shard = shard.Index,
        ShardCount = shard.Count,
    };

    private static bool IsDone(Dictionary<long, string> done, Chunk chunk, string path)
    {
        if (!done.TryGetValue(chunk.Index, out string? hash)) return false;
        return hash == chunk.ContentHash()
            ? true
            : throw new InvalidDataException(
                $"'{path}' has results for other tokens than the corpus now has (chunk {chunk.Index}); delete it to measure again.");
    }

    /// <summary>The sums so far, and the reports about them.</summary>
    private sealed class RunningSums(int vocabularySize, IProgress<EvaluationProgress>? progress, long characterCount)
    {
        private readonly long _start = Stopwatch.GetTimestamp();
        private readonly UnitSums _units = new();
        private long _ownTokens, _ownChunks, _charactersBefore;
        private double _resumed;

        public LanguageModelMetrics Metrics { get; private set; } = new(LossSummary.Empty, vocabularySize);

        public TokenStatistics Statistics { get; } = new();

        public void Resume(ChunkResult chunk)
        {
            Metrics += chunk.Metrics;
            _units.Add(chunk.Documents);
            Statistics.Add(chunk.Statistics);
            _charactersBefore = chunk.CharactersThrough;
        }

        /// <summary>The metrics with their intervals.</summary>
        public LanguageModelMetrics Total => Metrics.With(_units);

        public void Add(ChunkResult chunk)
        {
            if (_ownChunks++ == 0) _resumed = Fraction(_charactersBefore);
            var metrics = chunk.Metrics;
            Metrics += metrics;
            _units.Add(chunk.Documents);
            _ownTokens += metrics.TokenCount;
            Statistics.Add(chunk.Statistics);
            if (progress is null) return;

            var elapsed = Stopwatch.GetElapsedTime(_start);
            double fraction = Fraction(chunk.CharactersThrough), own = fraction - _resumed;
            TimeSpan? left = own > 0 ? elapsed * ((1 - fraction) / own) : null;
            progress.Report(new(Metrics, fraction, _ownTokens / Math.Max(1e-9, elapsed.TotalSeconds), elapsed, left));
        }

        private double Fraction(long characters) => characterCount == 0 ? 1 : Math.Min(1, (double)characters / characterCount);
    }
}
