using System.Collections.Concurrent;
using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Evaluation.Corpora;

/// <summary>Scores pieces with a model.</summary>
internal sealed class PieceScorer(GptModel model, CorpusOptions options)
{
    private readonly ConcurrentDictionary<int, TokenPiece> _pieces = new();

    public PieceResult Score(CorpusPiece piece, CancellationToken cancellationToken)
    {
        int count = piece.Windows.TargetCount;
        var scores = new TokenScore[count];
        var details = options.Tokens is { } tokens && (tokens.Entropy || tokens.CandidateCount > 0)
            ? new PredictionDetails(count, tokens.Entropy, tokens.CandidateCount)
            : null;
        piece.Windows.Score(model, options.BatchTokenCount, scores, details, cancellationToken);

        int[] seen = [.. piece.Windows.SeenCounts], targets = [.. piece.Windows.Targets];
        var statistics = new TokenStatistics();
        for (int i = 0; i < count; i++) statistics.Add(scores[i], seen[i]);

        var parts = new List<DocumentResult>(piece.Parts.Count);
        int first = 0;
        foreach (var part in piece.Parts)
        {
            var score = DocumentScore.Of(scores.AsSpan(first, part.TargetCount), part.Size) with { DocumentCount = part.OpensDocument ? 1 : 0 };
            IReadOnlyList<TokenResult> results = options.Tokens is null ? [] : Describe(part, targets, first, scores, seen, details);
            bool hasUnpredicted = options.Tokens is not null && part.OpensDocument && part.Document.Ids.Length > 0
                && (part.TargetCount == 0 || part.FirstToken > 0);
            parts.Add(new(part.Document.Index, part.Document.Name, score, results)
            {
                FirstToken = hasUnpredicted ? PieceOf(part.Document.Ids[0]) : null,
            });
            first += part.TargetCount;
        }

        return new(piece.Index, piece.ContentHash(), parts, statistics, piece.CharactersThrough);
    }

    private TokenResult[] Describe(PiecePart part, int[] targets, int first, TokenScore[] scores, int[] seen, PredictionDetails? details)
    {
        var results = new TokenResult[part.TargetCount];
        var (start, byteStart) = part.Start;
        for (int i = 0; i < results.Length; i++)
        {
            int target = first + i;
            var (end, byteEnd) = part.Ends[i];
            results[i] = new TokenResult
            {
                Position = part.FirstToken + i,
                Piece = PieceOf(targets[target]),
                Start = start,
                ByteStart = (int)byteStart,
                Text = part.Document.Text[start..end],
                LogProbability = -scores[target].NegativeLogLikelihood,
                Rank = scores[target].Rank,
                TopLogProbability = -scores[target].TopNegativeLogLikelihood,
                ContextCount = seen[target],
                Entropy = details?.Entropies?[target],
                Candidates = details is null ? [] : Candidates(details, target),
            };
            (start, byteStart) = (end, byteEnd);
        }

        return results;
    }

    private ScoredCandidate[] Candidates(PredictionDetails details, int target)
    {
        var candidates = new ScoredCandidate[details.CandidateCount];
        for (int i = 0; i < candidates.Length; i++)
        {
            int place = (target * candidates.Length) + i, id = details.CandidateIds[place];
            candidates[i] = new(id, PieceOf(id).Text, details.CandidateLogProbabilities[place]);
        }

        return candidates;
    }
    private TokenPiece PieceOf(int id) => _pieces.GetOrAdd(id, id => TokenPiece.Of(model.Tokenizer, id));
}
