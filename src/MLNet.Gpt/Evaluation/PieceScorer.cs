using System.Collections.Concurrent;
using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Evaluation;

/// <summary>Scores pieces with a model.</summary>
internal sealed class PieceScorer(GptModel model, CorpusOptions options)
{
    private readonly ConcurrentDictionary<int, string> _texts = new();

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
            parts.Add(new(part.Document.Index, part.Document.Name, score, results));
            first += part.TargetCount;
        }

        return new(piece.Index, piece.ContentHash(), parts, statistics, piece.CharactersThrough);
    }

    private TokenResult[] Describe(PiecePart part, int[] targets, int first, TokenScore[] scores, int[] seen, PredictionDetails? details)
    {
        var results = new TokenResult[part.TargetCount];
        int start = part.Start;
        for (int i = 0; i < results.Length; i++)
        {
            int target = first + i, end = part.Ends[i];
            results[i] = new TokenResult
            {
                Position = part.FirstToken + i,
                Id = targets[target],
                Start = start,
                Text = part.Document.Text[start..end],
                LogProbability = -scores[target].NegativeLogLikelihood,
                Rank = scores[target].Rank,
                TopLogProbability = -scores[target].TopNegativeLogLikelihood,
                ContextCount = seen[target],
                Entropy = details?.Entropies?[target],
                Candidates = details is null ? [] : Candidates(details, target),
            };
            start = end;
        }

        return results;
    }

    private ScoredCandidate[] Candidates(PredictionDetails details, int target)
    {
        var candidates = new ScoredCandidate[details.CandidateCount];
        for (int i = 0; i < candidates.Length; i++)
        {
            int place = (target * candidates.Length) + i, id = details.CandidateIds[place];
            candidates[i] = new(id, _texts.GetOrAdd(id, id => model.Tokenizer.Decode([id])), details.CandidateLogProbabilities[place]);
        }

        return candidates;
    }
}
