using System.Diagnostics;
using System.Globalization;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Evaluation.Tasks;
using MLNet.Gpt.Inference;

namespace MLNet.Gpt;

/// <summary>How likely a model finds a continuation, given its context.</summary>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class ContinuationScore
{
    private readonly ITextTokenizer _tokenizer;
    private readonly EncodedContinuation _encoded;
    private readonly TokenScore[] _scores;

    internal ContinuationScore(ITextTokenizer tokenizer, EncodedContinuation encoded, TokenScore[] scores)
    {
        (_tokenizer, _encoded, _scores) = (tokenizer, encoded, scores);
        IsGreedy = true;
        foreach (var score in scores)
        {
            Loss += LossSummary.Of(score.NegativeLogLikelihood);
            IsGreedy &= score.Rank == 0;
        }
    }

    /// <summary>The summed negative log-likelihood of the continuation's tokens, which adds up exactly, and their number.</summary>
    public LossSummary Loss { get; }

    /// <summary>ln p(continuation | context): the sum over its tokens, in nats.</summary>
    public double LogLikelihood => -Loss.Sum;

    /// <summary>Whether each token is the one that the model considers most probable, so that greedy generation would produce it.</summary>
    public bool IsGreedy { get; }

    /// <summary>The number of the continuation's tokens.</summary>
    public int TokenCount => _scores.Length;

    /// <summary>The number of tokens before the continuation that the model saw, including one that begins the text.</summary>
    public int ContextTokenCount => _encoded.ContextCount;

    /// <summary>The number of tokens at the beginning of the context that did not fit.</summary>
    public int DroppedTokenCount => _encoded.DroppedCount;

    /// <summary>The continuation's tokens, each with its log-probability and its rank.</summary>
    public IReadOnlyList<ScoredToken> Tokens => field ??= Describe();

    /// <summary>The log-likelihood, the number of tokens, and whether the continuation is the greedy one.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{LogLikelihood:F4} nats, {Quantity.Of(TokenCount, "token")}{(IsGreedy ? ", greedy" : "")}");

    private ScoredToken[] Describe()
    {
        var decoder = _tokenizer.CreateStreamDecoder();
        var tokens = new ScoredToken[_scores.Length];
        int start = 0, byteStart = 0;
        for (int i = 0; i < tokens.Length; i++)
        {
            int position = _encoded.ContextCount + i, id = _encoded.Ids[position];
            var piece = TokenPiece.Of(_tokenizer, id);
            string text = decoder.Append(id) + (i == tokens.Length - 1 ? decoder.Flush() : "");
            tokens[i] = new(piece, text, _scores[i]) { Position = i, Start = start, ByteStart = byteStart, ContextCount = position };
            start += text.Length;
            byteStart += piece.Bytes.Length;
        }

        return tokens;
    }
}
