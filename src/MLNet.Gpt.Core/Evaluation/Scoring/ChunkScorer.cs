using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using MLNet.Gpt.Evaluation.Metrics;
using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Evaluation.Scoring;

/// <summary>Scores chunks with a model. Thread-safe.</summary>
/// <param name="model">The model.</param>
/// <param name="options">What to compute for each token; tokens are added up and not kept if <see langword="null"/>.</param>
/// <param name="rowsPerCall">The number of tokens given to the model in one call, at least one window.</param>
/// <param name="reference">A model of the same vocabulary to compare the predictions with; <see langword="null"/> for none.</param>
internal sealed class ChunkScorer(GptModel model, TokenOptions? options, int rowsPerCall, GptModel? reference = null)
{
    private readonly ConcurrentDictionary<int, TokenPiece> _pieces = new();

    public ChunkResult Score(Chunk chunk, CancellationToken cancellationToken)
    {
        int count = chunk.Windows.TargetCount;
        var scores = new TokenScore[count];
        var details = DetailsOf(count);
        var pair = reference is null ? null : new PairScores(reference, count);
        chunk.Windows.Score(model, rowsPerCall, scores, details, cancellationToken, pair);

        int[] seen = [.. chunk.Windows.SeenCounts], targets = [.. chunk.Windows.Targets];
        var statistics = StatisticsOf(scores, seen);

        var documents = new List<DocumentResult>(chunk.Spans.Count);
        int first = 0;
        foreach (var span in chunk.Spans)
        {
            var own = scores.AsSpan(first, span.TargetCount);
            var metrics = LanguageModelMetrics.Of(own, span.Size, model.Config.VocabularySize, span.OpensDocument ? 1 : 0);
            bool hasUnpredicted = options is not null && span.OpensDocument && span.Document.Ids.Length > 0
                && (span.TargetCount == 0 || span.FirstToken > 0);
            documents.Add(new(
                span.Document.Index, span.Document.Name, metrics,
                options is null ? [] : Describe(span, targets, first, scores, seen, details),
                hasUnpredicted ? PieceOf(span.Document.Ids[0]) : null,
                span.BlocksOf(own, model.Config.VocabularySize)));
            first += span.TargetCount;
        }

        var result = new ChunkResult(chunk.Index, chunk.ContentHash(), documents, statistics, chunk.CharactersThrough);
        return pair is null ? result : result with { Divergence = Compare(result, scores, pair, seen) };
    }

    /// <summary>Scores batches of ids in which each input has a target, row by row; a negative target is not scored.</summary>
    public IReadOnlyList<DocumentResult> Score(
        IReadOnlyList<int[]> inputs, IReadOnlyList<int[]> targets, CancellationToken cancellationToken)
    {
        int[] allTargets = [.. targets.SelectMany(row => row)];
        var scores = new TokenScore[allTargets.Count(target => target >= 0)];
        var details = DetailsOf(scores.Length);
        model.Score(BatchOf(inputs, allTargets, scores, details, pair: null), cancellationToken);

        var results = new DocumentResult[targets.Count];
        for (int row = 0, next = 0; row < results.Length; row++)
        {
            results[row] = Describe(row, targets[row], ref next, scores, details);
        }

        return results;
    }

    /// <summary>Compares the predictions for such batches with those of the reference.</summary>
    public ChunkResult Compare(IReadOnlyList<int[]> inputs, IReadOnlyList<int[]> targets, CancellationToken cancellationToken)
    {
        int[] allTargets = [.. targets.SelectMany(row => row)];
        var scores = new TokenScore[allTargets.Count(target => target >= 0)];
        var pair = new PairScores(reference!, scores.Length);
        model.Score(BatchOf(inputs, allTargets, scores, details: null, pair), cancellationToken);
        int[] seen = [.. targets.SelectMany(row => Enumerable.Range(0, row.Length).Where(i => row[i] >= 0).Select(i => i + 1))];
        int next = 0;
        var documents = targets.Select((row, i) => Describe(i, row, ref next, scores, details: null)).ToArray();
        var result = new ChunkResult(0, "", documents, StatisticsOf(scores, seen), 0);
        return result with { Divergence = Compare(result, scores, pair, seen) };
    }

    /// <summary>Scores the windows of a text of which only the ids are known.</summary>
    /// <param name="windows">The windows.</param>
    /// <param name="firstToken">The first token, which is not predicted; <see langword="null"/> if there is none.</param>
    /// <param name="cancellationToken">Checked between layers.</param>
    public DocumentResult Score(WindowBatch windows, int? firstToken, CancellationToken cancellationToken)
    {
        var scores = new TokenScore[windows.TargetCount];
        var details = DetailsOf(scores.Length);
        windows.Score(model, rowsPerCall, scores, details, cancellationToken);
        int next = 0;
        return Describe(0, [.. windows.Targets], ref next, scores, details, firstToken, [.. windows.SeenCounts]);
    }

    private ChunkDivergence Compare(ChunkResult result, TokenScore[] scores, PairScores pair, int[] seen)
    {
        var sizes = result.Metrics;
        var sums = LanguageModelMetrics.Of(pair.Scores, default, sizes.VocabularySize);
        var tokens = new TokenDivergence[scores.Length];
        for (int i = 0; i < tokens.Length; i++)
        {
            tokens[i] = new(
                pair.Divergences[i], pair.Scores[i].NegativeLogLikelihood, scores[i].NegativeLogLikelihood, pair.HaveSameTop[i]);
        }

        return new(sums.WithSizesOf(sizes), StatisticsOf(pair.Scores, seen), tokens);
    }

    private static TokenStatistics StatisticsOf(TokenScore[] scores, int[] seen)
    {
        var statistics = new TokenStatistics();
        for (int i = 0; i < scores.Length; i++) statistics.Add(scores[i], seen[i]);
        return statistics;
    }

    // Takes the next scores, one for each non-negative target. A target sees all inputs before it unless specified
    // otherwise.
    private DocumentResult Describe(
        int row, int[] targets, ref int score, TokenScore[] scores, PredictionDetails? details, int? firstToken = null, int[]? seen = null)
    {
        var first = firstToken is { } id ? PieceOf(id) : null;

        // A character that spans tokens is the text of the last of them, so that the texts together are the whole text.
        var decoder = model.Tokenizer.CreateStreamDecoder();
        var tokens = new List<ScoredToken>(targets.Length);
        var scored = new List<TokenScore>(targets.Length);
        int start = firstToken is null ? 0 : decoder.Append(firstToken.Value).Length, firstBytes = first?.Bytes.Length ?? 0;
        int byteStart = firstBytes, last = Array.FindLastIndex(targets, target => target >= 0);
        for (int i = 0; i < targets.Length; i++)
        {
            if (targets[i] < 0) continue;
            var piece = PieceOf(targets[i]);
            string text = decoder.Append(targets[i]) + (i == last ? decoder.Flush() : "");
            tokens.Add(NewToken(piece, text, scores[score], score, details, position: i + 1, start, byteStart, seen?[i] ?? i + 1));
            scored.Add(scores[score++]);
            start += text.Length;
            byteStart += piece.Bytes.Length;
        }

        string all = string.Concat(tokens.Select(token => token.Text));
        var size = new TextSize(byteStart - firstBytes, TextSize.CountCharacters(all), TextSize.CountWords(all));
        var metrics = LanguageModelMetrics.Of(CollectionsMarshal.AsSpan(scored), size, model.Config.VocabularySize);
        return new(row, string.Empty, metrics, tokens, first);
    }

    private ScoredToken[] Describe(
        DocumentSpan span, int[] targets, int first, TokenScore[] scores, int[] seen, PredictionDetails? details)
    {
        var results = new ScoredToken[span.TargetCount];
        var (start, byteStart) = span.Start;
        for (int i = 0; i < results.Length; i++)
        {
            int target = first + i;
            var (end, byteEnd) = span.Ends[i];
            results[i] = NewToken(
                PieceOf(targets[target]), span.Document.Text[start..end], scores[target], target, details,
                span.FirstToken + i, start, (int)byteStart, seen[target]);
            (start, byteStart) = (end, byteEnd);
        }

        return results;
    }

    private ScoredToken NewToken(
        TokenPiece piece, string text, TokenScore score, int target, PredictionDetails? details,
        int position, int start, int byteStart, int seen) =>
        new(piece, text, score)
        {
            Position = position,
            Start = start,
            ByteStart = byteStart,
            ContextCount = seen,
            Entropy = details?.Entropies?[target],
            Candidates = details is null ? [] : Candidates(details, target),
        };

    private TokenCandidate[] Candidates(PredictionDetails details, int target)
    {
        var candidates = new TokenCandidate[details.CandidateCount];
        for (int i = 0; i < candidates.Length; i++)
        {
            int index = (target * candidates.Length) + i, id = details.CandidateIds[index];
            candidates[i] = new(id, PieceOf(id).Text, details.CandidateLogProbabilities[index]);
        }

        return candidates;
    }

    private static ScoringBatch BatchOf(
        IReadOnlyList<int[]> inputs, int[] targets, TokenScore[] scores, PredictionDetails? details, PairScores? pair) => new()
    {
        Inputs = inputs.SelectMany(row => row).ToArray(),
        Targets = targets,
        Lengths = inputs.Select(row => row.Length).ToArray(),
        Scores = scores,
        Details = details,
        Pair = pair,
    };

    private PredictionDetails? DetailsOf(int count) =>
        options is { } tokens && (tokens.Entropy || tokens.CandidateCount > 0) ? new(count, tokens.Entropy, tokens.CandidateCount) : null;

    private TokenPiece PieceOf(int id) => _pieces.GetOrAdd(id, id => TokenPiece.Of(model.Tokenizer, id));
}
