namespace MLNet.Gpt.Evaluation;

/// <summary>A line of a result file: one of its kinds.</summary>
internal sealed record ResultLine
{
    /// <summary>In the first line.</summary>
    public ResultHeader? Header { get; init; }

    /// <summary>In the lines between.</summary>
    public PieceLine? Piece { get; init; }

    /// <summary>In the last line of a complete file.</summary>
    public EndLine? End { get; init; }

    /// <summary>A piece's result.</summary>
    internal sealed record PieceLine(long Index, string Hash, long Characters, PartLine[] Documents, string Statistics)
    {
        public static PieceLine Of(PieceResult piece) =>
            new(piece.Index, piece.ContentHash, piece.CharactersThrough, [.. piece.Parts.Select(PartLine.Of)], piece.Statistics.ToExactString());

        public PieceResult ToResult() =>
            new(Index, Hash, [.. Documents.Select(part => part.ToResult())], TokenStatistics.ParseExact(Statistics), Characters);
    }

    /// <summary>What a piece has of a document. Counts and cross-entropy are for whoever reads the file by eye; the score has every bit.</summary>
    internal sealed record PartLine(long Document, string Name, long TokenCount, string Score, double? CrossEntropy = null, TokenLine[]? Tokens = null)
    {
        public static PartLine Of(DocumentResult part) => new(
            part.Index, part.Name, part.Score.Loss.TokenCount, part.Score.ToExactString(),
            double.IsFinite(part.CrossEntropy) ? part.CrossEntropy : null,
            part.Tokens.Count == 0 ? null : [.. part.Tokens.Select(TokenLine.Of)]);

        public DocumentResult ToResult() => new(Document, Name, DocumentScore.ParseExact(Score), Tokens is null ? [] : [.. Tokens.Select(token => token.ToResult())]);
    }

    /// <summary>A token.</summary>
    internal sealed record TokenLine(
        int Position, int Id, int Start, string Text, float LogProbability, int Rank, float TopLogProbability, int Context, float? Entropy = null, CandidateLine[]? Candidates = null)
    {
        public static TokenLine Of(TokenResult token) => new(
            token.Position, token.Id, token.Start, token.Text, token.LogProbability, token.Rank, token.TopLogProbability, token.ContextCount, token.Entropy,
            token.Candidates.Count == 0 ? null : [.. token.Candidates.Select(candidate => new CandidateLine(candidate.Id, candidate.Text, candidate.LogProbability))]);

        public TokenResult ToResult() => new()
        {
            Position = Position,
            Id = Id,
            Start = Start,
            Text = Text,
            LogProbability = LogProbability,
            Rank = Rank,
            TopLogProbability = TopLogProbability,
            ContextCount = Context,
            Entropy = Entropy,
            Candidates = Candidates is null ? [] : [.. Candidates.Select(candidate => new ScoredCandidate(candidate.Id, candidate.Text, candidate.LogProbability))],
        };
    }

    /// <summary>A candidate.</summary>
    internal sealed record CandidateLine(int Id, string Text, float LogProbability);

    /// <summary>The end: pieces of the whole corpus, those of all shards together.</summary>
    internal sealed record EndLine(long PieceCount);
}
