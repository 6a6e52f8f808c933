using System.Text;

namespace MLNet.Gpt.Evaluation.Corpora;

/// <summary>A line of a result file: of exactly one of its kinds.</summary>
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
            new(Index, Hash, [.. Documents.Select(part => Present(part).ToResult())], TokenStatistics.ParseExact(Statistics), Characters);
    }

    /// <summary>
    /// What a piece has of a document. Counts and cross-entropy are for people who read the file; the score has every bit.
    /// </summary>
    internal sealed record PartLine(
        long Document, string Name, long TokenCount, string Score, double? CrossEntropy = null, TokenLine[]? Tokens = null, FirstLine? First = null)
    {
        public static PartLine Of(DocumentResult part) => new(
            part.Index, part.Name, part.Score.Loss.TokenCount, part.Score.ToExactString(),
            double.IsFinite(part.CrossEntropy) ? part.CrossEntropy : null,
            part.Tokens.Count == 0 ? null : [.. part.Tokens.Select(TokenLine.Of)],
            part.FirstToken is { } first ? new(first.Id, Convert.ToHexStringLower(first.Bytes.Span)) : null);

        public DocumentResult ToResult()
        {
            var score = DocumentScore.ParseExact(Score);
            if (score.Loss.TokenCount != TokenCount) throw new FormatException($"The score '{Score}' is not of {TokenCount} tokens.");
            return new(Document, Name, score, Tokens is null ? [] : [.. Tokens.Select(token => Present(token).ToResult())])
            {
                FirstToken = First is null ? null : TokenPiece.Of(First.Id, Convert.FromHexString(First.Bytes)),
            };
        }
    }

    /// <summary>A first token that is not predicted, its bytes in hexadecimal digits.</summary>
    internal sealed record FirstLine(int Id, string Bytes);

    /// <summary>A token; its bytes, in hexadecimal digits, where they are not those of its text.</summary>
    internal sealed record TokenLine(
        int Position, int Id, int Start, string Text, float LogProbability, int Rank, float TopLogProbability, int Context,
        float? Entropy = null, CandidateLine[]? Candidates = null, int? ByteStart = null, string? Bytes = null)
    {
        public static TokenLine Of(TokenResult token) => new(
            token.Position, token.Id, token.Start, token.Text, token.LogProbability, token.Rank, token.TopLogProbability, token.ContextCount,
            token.Entropy,
            token.Candidates.Count == 0 ? null : [.. token.Candidates.Select(each => new CandidateLine(each.Id, each.Text, each.LogProbability))],
            token.ByteStart,
            token.Piece.Bytes.Span.SequenceEqual(Encoding.UTF8.GetBytes(token.Text)) ? null : Convert.ToHexStringLower(token.Piece.Bytes.Span));

        public TokenResult ToResult() => new()
        {
            Position = Position,
            Piece = TokenPiece.Of(Id, Bytes is null ? Encoding.UTF8.GetBytes(Text) : Convert.FromHexString(Bytes)),
            Start = Start,
            ByteStart = ByteStart,
            Text = Text,
            LogProbability = LogProbability,
            Rank = Rank,
            TopLogProbability = TopLogProbability,
            ContextCount = Context,
            Entropy = Entropy,
            Candidates = Candidates is null
                ? []
                : [.. Candidates.Select(Present).Select(each => new ScoredCandidate(each.Id, each.Text, each.LogProbability))],
        };
    }

    /// <summary>A candidate.</summary>
    internal sealed record CandidateLine(int Id, string Text, float LogProbability);

    /// <summary>The end: pieces of the whole corpus, those of all shards together.</summary>
    internal sealed record EndLine(long PieceCount);

    // The serializer refuses null for a property that cannot be null, and not for an element of an array.
    private static T Present<T>(T? element)
        where T : class => element ?? throw new FormatException("A list holds null.");
}
