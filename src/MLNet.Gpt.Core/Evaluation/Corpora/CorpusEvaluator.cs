using System.Diagnostics;
using MLNet.Gpt.Evaluation.Corpora;

namespace MLNet.Gpt;

/// <summary>Measures corpora of any size with a model. Safe for use by many threads.</summary>
/// <remarks>
/// Documents are read, tokenised and cut on a thread of their own while the model scores; windows of many documents are packed
/// into one call with no padding; logits are never kept. Memory does not grow with the corpus: it holds one document (of joined
/// documents, a window) and a few pieces of about 1,000 tokens.
/// </remarks>
public sealed class CorpusEvaluator
{
    private readonly GptModel _model;
    private readonly ScoringOptions _scoring;
    private readonly CorpusOptions _options;
    private readonly PieceScorer _scorer;

    /// <summary>Measures with a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="scoring">How texts are measured; the defaults where <see langword="null"/>.</param>
    /// <param name="options">What is kept; the defaults where <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">The options do not fit the model.</exception>
    public CorpusEvaluator(GptModel model, ScoringOptions? scoring = null, CorpusOptions? options = null)
    {
        _model = model;
        _scoring = (scoring ?? new()).ValidatedFor(model.Config, model.Tokenizer);
        _options = options ?? new();
        if (_options.Tokens is { } tokens && tokens.CandidateCount > model.Config.VocabularySize)
        {
            throw new ArgumentException($"{tokens.CandidateCount} candidates are wanted; the model's vocabulary has {model.Config.VocabularySize} tokens.", nameof(options));
        }

        _scorer = new PieceScorer(model, _options);
    }

    /// <summary>Measures a corpus.</summary>
    /// <param name="corpus">The corpus; with progress it is gone through twice.</param>
    /// <param name="progress">Told after each piece of about 1,000 tokens.</param>
    /// <param name="cancellationToken">Stops the evaluation.</param>
    public CorpusEvaluation Evaluate(Corpus corpus, IProgress<EvaluationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var sums = new RunningSums(_model.Config.VocabularySize, progress, progress is null ? 0 : corpus.Identify(cancellationToken).CharacterCount);
        using var source = NewSource(corpus, _ => true, cancellationToken);
        foreach (var piece in source.Take()) sums.Add(_scorer.Score(piece, cancellationToken));
        return new(sums.Metrics, sums.Statistics, CorpusShard.Whole, null);
    }

    /// <summary>
    /// Measures a shard of a corpus into a file of JSON Lines, which grows while it runs. A run that was interrupted is taken up
    /// where it stopped; a shard that is complete is read and not computed again. Either way the file and the figures are the
    /// same to the last bit.
    /// </summary>
    /// <param name="corpus">The corpus; gone through twice.</param>
    /// <param name="folder">Where the file goes; see <see cref="ResultFile"/>.</param>
    /// <param name="shard">Which part; the default is the whole.</param>
    /// <param name="progress">Told after each piece of about 1,000 tokens.</param>
    /// <param name="cancellationToken">Stops the evaluation; what is written stays.</param>
    /// <exception cref="InvalidDataException">The file is damaged, or was made of another model, text or options.</exception>
    /// <exception cref="IOException">The file cannot be written, or another process is at work on it.</exception>
    public CorpusEvaluation Evaluate(
        Corpus corpus, string folder, CorpusShard shard = default, IProgress<EvaluationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var header = NewHeader(corpus, shard, cancellationToken);
        using var file = ShardFile.Open(PathOf(header, folder), header);
        var sums = new RunningSums(_model.Config.VocabularySize, progress, corpus.Identify(cancellationToken).CharacterCount);
        var done = new Dictionary<long, string>();
        foreach (var piece in file.ReadPieces())
        {
            done.Add(piece.Index, piece.ContentHash);
            sums.Resume(piece);
        }

        if (!file.IsComplete)
        {
            using var source = NewSource(corpus, piece => shard.Has(piece.Index) && !IsDone(done, piece, file.Path), cancellationToken);
            foreach (var piece in source.Take())
            {
                var result = _scorer.Score(piece, cancellationToken);
                file.Append(result);
                sums.Add(result);
            }

            file.Complete(source.PieceCount);
        }

        return new(sums.Metrics, sums.Statistics, shard, file.Path);
    }

    /// <summary>
    /// Where <see cref="Evaluate(Corpus, string, CorpusShard, IProgress{EvaluationProgress}?, CancellationToken)"/> writes a
    /// shard: a name made of a fingerprint of the model's weights, the tokenizer, the options and the corpus, and of the shard's
    /// number, so that no two different measurements share a file.
    /// </summary>
    public string ResultFile(Corpus corpus, string folder, CorpusShard shard = default) => PathOf(NewHeader(corpus, shard, CancellationToken.None), folder);

    /// <summary>Measures a corpus document by document, in order; each is given as soon as it is done.</summary>
    /// <param name="corpus">The corpus; gone through once.</param>
    /// <param name="cancellationToken">Stops the evaluation.</param>
    public IEnumerable<DocumentResult> EvaluateDocuments(Corpus corpus, CancellationToken cancellationToken = default) =>
        DocumentAssembly.Of(ScorePieces(corpus, cancellationToken).SelectMany(piece => piece.Parts));

    private IEnumerable<PieceResult> ScorePieces(Corpus corpus, CancellationToken cancellationToken)
    {
        using var source = NewSource(corpus, _ => true, cancellationToken);
        foreach (var piece in source.Take()) yield return _scorer.Score(piece, cancellationToken);
    }

    private PieceSource NewSource(Corpus corpus, Func<CorpusPiece, bool> isWanted, CancellationToken cancellationToken)
    {
        var cutter = new PieceCutter(_scoring, _model.Config, _model.Tokenizer, notesEnds: _options.Tokens is not null);
        return new(cutter.Cut(corpus.Documents), isWanted, cancellationToken);
    }

    private ResultHeader NewHeader(Corpus corpus, CorpusShard shard, CancellationToken cancellationToken) => new()
    {
        Model = ModelFingerprint.Of(_model),
        Scoring = _scoring.Describe(_model.Config),
        Detail = _options.Describe(),
        Corpus = corpus.Identify(cancellationToken).Fingerprint,
        VocabularySize = _model.Config.VocabularySize,
        Shard = shard.Index,
        ShardCount = shard.Count,
    };

    private static string PathOf(ResultHeader header, string folder) => Path.Combine(
        folder, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{header.Fingerprint()[..16]}.{header.Shard + 1:0000}-of-{header.ShardCount:0000}.jsonl"));

    private static bool IsDone(Dictionary<long, string> done, CorpusPiece piece, string path)
    {
        if (!done.TryGetValue(piece.Index, out string? hash)) return false;
        return hash == piece.ContentHash()
            ? true
            : throw new InvalidDataException($"'{path}' was made of other tokens than the corpus now has (piece {piece.Index}); delete it to measure anew.");
    }

    /// <summary>The sums so far, and word of them.</summary>
    private sealed class RunningSums(int vocabularySize, IProgress<EvaluationProgress>? progress, long characterCount)
    {
        private readonly long _start = Stopwatch.GetTimestamp();
        private DocumentScore _score;
        private long _ownTokens, _ownPieces, _charactersBefore;
        private double _resumed;

        public LanguageModelMetrics Metrics => new(_score, vocabularySize);

        public TokenStatistics Statistics { get; } = new();

        public void Resume(PieceResult piece)
        {
            _score += piece.Score;
            Statistics.Add(piece.Statistics);
            _charactersBefore = piece.CharactersThrough;
        }

        public void Add(PieceResult piece)
        {
            if (_ownPieces++ == 0) _resumed = Fraction(_charactersBefore);
            var score = piece.Score;
            _score += score;
            _ownTokens += score.Loss.TokenCount;
            Statistics.Add(piece.Statistics);
            if (progress is null) return;

            var elapsed = Stopwatch.GetElapsedTime(_start);
            double fraction = Fraction(piece.CharactersThrough), own = fraction - _resumed;
            TimeSpan? left = own > 0 ? elapsed * ((1 - fraction) / own) : null;
            progress.Report(new(Metrics, fraction, _ownTokens / Math.Max(1e-9, elapsed.TotalSeconds), elapsed, left));
        }

        private double Fraction(long characters) => characterCount == 0 ? 1 : Math.Min(1, (double)characters / characterCount);
    }
}
