using System.Buffers.Binary;
using System.Text;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Evaluation.Metrics;
using MLNet.Gpt.Evaluation.Scoring;

namespace MLNet.Gpt.Evaluation.Corpora;

/// <summary>A line of a result file, of exactly one of four kinds. The files' names for properties must not change.</summary>
internal sealed record ResultLine
{
    /// <summary>The first line.</summary>
    public ResultHeader? Header { get; init; }

    /// <summary>A line between the first and the last; the name is what chunks were once called.</summary>
    public ChunkLine? Piece { get; init; }

    /// <summary>The result of a task's question, instead of a chunk.</summary>
    public QuestionLine? Question { get; init; }

    /// <summary>The last line of a complete file.</summary>
    public EndLine? End { get; init; }

    /// <summary>The result of a chunk.</summary>
    internal sealed record ChunkLine(
        long Index, string Hash, long Characters, SpanLine[] Documents, string Statistics, DivergenceLine? Divergence = null)
    {
        public static ChunkLine Of(ChunkResult chunk, bool hasBlocks) => new(
            chunk.Index,
            chunk.ContentHash,
            chunk.CharactersThrough,
            [.. chunk.Documents.Select(span => SpanLine.Of(span, hasBlocks))],
            chunk.Statistics.ToExactString(),
            chunk.Divergence is { } divergence ? DivergenceLine.Of(divergence) : null);

        public ChunkResult ToResult(int vocabularySize)
        {
            if (Documents.Length == 0) throw new FormatException("There are no documents.");
            return new(
                Index,
                Hash,
                [.. Documents.Select(span => Present(span).ToResult(vocabularySize))],
                TokenStatistics.ParseExact(Statistics),
                Characters)
            {
                Divergence = Divergence?.ToResult(vocabularySize),
            };
        }
    }

    /// <summary>
    /// How the predictions of a chunk compare with those of a reference: the sums and statistics of the reference, and for each target 13
    /// bytes in Base64: the divergence, both losses (three single-precision numbers, the lowest byte first), and 1 if both models consider
    /// the same token most probable.
    /// </summary>
    internal sealed record DivergenceLine(string Score, string Statistics, byte[] Tokens)
    {
        private const int BytesPerToken = 13;

        public static DivergenceLine Of(ChunkDivergence divergence)
        {
            byte[] bytes = new byte[divergence.Tokens.Length * BytesPerToken];
            for (int i = 0; i < divergence.Tokens.Length; i++)
            {
                var token = divergence.Tokens[i];
                var place = bytes.AsSpan(i * BytesPerToken, BytesPerToken);
                BinaryPrimitives.WriteSingleLittleEndian(place, token.Divergence);
                BinaryPrimitives.WriteSingleLittleEndian(place[4..], token.ReferenceLoss);
                BinaryPrimitives.WriteSingleLittleEndian(place[8..], token.Loss);
                place[12] = token.HasSameTop ? (byte)1 : (byte)0;
            }

            return new(divergence.Reference.ToExactString(), divergence.Statistics.ToExactString(), bytes);
        }

        public ChunkDivergence ToResult(int vocabularySize)
        {
            var reference = LanguageModelMetrics.ParseExact(Score, vocabularySize);
            if (Tokens.Length != reference.TokenCount * BytesPerToken)
            {
                throw new FormatException(
                    $"{Quantity.Of(Tokens.Length, "byte")} do not belong to {Quantity.Of(reference.TokenCount, "token")}.");
            }

            var tokens = new TokenDivergence[reference.TokenCount];
            for (int i = 0; i < tokens.Length; i++)
            {
                var place = Tokens.AsSpan(i * BytesPerToken, BytesPerToken);
                tokens[i] = new(
                    BinaryPrimitives.ReadSingleLittleEndian(place), BinaryPrimitives.ReadSingleLittleEndian(place[4..]),
                    BinaryPrimitives.ReadSingleLittleEndian(place[8..]), place[12] != 0);
            }

            return new(reference, TokenStatistics.ParseExact(Statistics), tokens);
        }
    }

    /// <summary>
    /// The part of a document in a chunk. The count and the cross-entropy are for people who read the file; the score has every bit.
    /// </summary>
    internal sealed record SpanLine(
        long Document, string Name, long TokenCount, string Score,
        double? CrossEntropy = null, TokenLine[]? Tokens = null, FirstLine? First = null, long? FirstBlock = null, string[]? Blocks = null)
    {
        public static SpanLine Of(DocumentResult span, bool hasBlocks) => new(
            span.Index, span.Name, span.Metrics.TokenCount, span.Metrics.ToExactString(),
            double.IsFinite(span.CrossEntropy) ? span.CrossEntropy : null,
            span.Tokens.Count == 0 ? null : [.. span.Tokens.Select(TokenLine.Of)],
            span.FirstToken is { } first ? new(first.Id, Convert.ToHexStringLower(first.Bytes.Span)) : null,
            hasBlocks && span.Blocks is not [{ Index: 0 }] ? span.Blocks[0].Index : null,
            hasBlocks && span.Blocks is not [{ Index: 0 }] ? [.. span.Blocks.Select(block => block.Metrics.ToExactString())] : null);

        public DocumentResult ToResult(int vocabularySize)
        {
            var metrics = LanguageModelMetrics.ParseExact(Score, vocabularySize);
            if (metrics.TokenCount != TokenCount)
            {
                throw new FormatException($"The score '{Score}' does not belong to {Quantity.Of(TokenCount, "token")}.");
            }

            return new(
                Document, Name, metrics,
                Tokens is null ? [] : [.. Tokens.Select(token => Present(token).ToResult())],
                First is null ? null : TokenPiece.Of(First.Id, Convert.FromHexString(First.Bytes)),
                BlocksOf(metrics));
        }

        private BlockResult[]? BlocksOf(LanguageModelMetrics whole)
        {
            if (Blocks is null) return null;
            BlockResult[] blocks =
            [
                .. Blocks.Select((block, i) => new BlockResult(
                    (FirstBlock ?? 0) + i, LanguageModelMetrics.ParseExact(Present(block), whole.VocabularySize))),
            ];
            var sum = blocks.Aggregate(LossSummary.Empty, (sum, block) => sum + block.Metrics.Loss);
            return sum == whole.Loss
                ? blocks
                : throw new FormatException($"The blocks do not add up to the score '{Score}'.");
        }
    }

    /// <summary>A first token that is not predicted, with its bytes in hexadecimal digits.</summary>
    internal sealed record FirstLine(int Id, string Bytes);

    /// <summary>A token, with its bytes in hexadecimal digits if they are not those of its text.</summary>
    internal sealed record TokenLine(
        int Position, int Id, int Start, string Text, float LogProbability, int Rank, float TopLogProbability, int Context,
        float? Entropy = null, CandidateLine[]? Candidates = null, int? ByteStart = null, string? Bytes = null)
    {
        public static TokenLine Of(ScoredToken token) => new(
            token.Position, token.Id, token.Start, token.Text, (float)token.LogProbability, token.Rank, (float)token.TopLogProbability,
            token.ContextCount, (float?)token.Entropy,
            token.Candidates.Count == 0 ? null : [.. token.Candidates.Select(CandidateLine.Of)],
            token.ByteStart,
            IsText(token.Piece, token.Text) ? null : Convert.ToHexStringLower(token.Piece.Bytes.Span));

        public ScoredToken ToResult() => new(
            TokenPiece.Of(Id, Bytes is null ? Encoding.UTF8.GetBytes(Text) : Convert.FromHexString(Bytes)), Text)
        {
            Position = Position,
            Start = Start,
            ByteStart = ByteStart,
            LogProbability = LogProbability,
            Rank = Rank,
            TopLogProbability = TopLogProbability,
            ContextCount = Context,
            Entropy = Entropy,
            Candidates = Candidates is null
                ? []
                : [.. Candidates.Select(Present).Select(each => new TokenCandidate(each.Id, each.Text, each.LogProbability))],
        };
    }

    /// <summary>A candidate.</summary>
    internal sealed record CandidateLine(int Id, string Text, float LogProbability)
    {
        public static CandidateLine Of(TokenCandidate candidate) => new(candidate.Id, candidate.Text, (float)candidate.LogProbability);
    }

    /// <summary>
    /// A question of a task. The log-likelihoods and the verdict are for people who read the file; the scores have every bit.
    /// </summary>
    internal sealed record QuestionLine(
        long Index, string Name, string Kind, ChoiceLine[] Choices, int? Answer = null, bool? IsRight = null, string? Text = null);

    /// <summary>A choice of a question.</summary>
    internal sealed record ChoiceLine(double LogLikelihood, string Score, bool IsGreedy, long Characters, long Bytes);

    /// <summary>The end: the number of chunks or questions of the whole corpus, in all shards together.</summary>
    internal sealed record EndLine(long PieceCount);

    private static bool IsText(TokenPiece piece, string text) => piece.Bytes.Span.SequenceEqual(Encoding.UTF8.GetBytes(text));

    // The serializer rejects null for a property that cannot be null, but not for an element of an array.
    private static T Present<T>(T? element)
        where T : class => element ?? throw new FormatException("A list contains null.");
}
