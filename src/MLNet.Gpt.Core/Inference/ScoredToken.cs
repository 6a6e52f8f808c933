using System.Globalization;
using MLNet.Gpt.Inference;

namespace MLNet.Gpt;

/// <summary>
/// A token of a measured or generated text, with what the model predicted for it. Probabilities are the model's own:
/// before penalties, temperature and filters.
/// </summary>
public sealed class ScoredToken
{
    /// <summary>Initializes a token, for example one whose properties were stored.</summary>
    /// <param name="piece">The token.</param>
    /// <param name="text">The characters that it completes in its text.</param>
    public ScoredToken(TokenPiece piece, string text)
    {
        ArgumentNullException.ThrowIfNull(piece);
        ArgumentNullException.ThrowIfNull(text);
        Piece = piece;
        Text = text;
    }

    internal ScoredToken(TokenPiece piece, string text, TokenScore score)
        : this(piece, text)
    {
        LogProbability = -score.NegativeLogLikelihood;
        Rank = score.Rank;
        TopLogProbability = -score.TopNegativeLogLikelihood;
    }

    /// <summary>The token's id.</summary>
    public int Id => Piece.Id;

    /// <summary>
    /// The characters that the token completes. A character that spans several tokens belongs to the last of them; the text of the others
    /// is empty. The texts of all tokens together are the text of the document.
    /// </summary>
    public string Text { get; }

    /// <summary>The token itself, with its bytes: the same in every text, and not empty if <see cref="Text"/> is.</summary>
    public TokenPiece Piece { get; }

    /// <summary>
    /// The token's index among the tokens of the document or of the generated text, from 0. An end-of-text token that ends a document has
    /// the index after the last.
    /// </summary>
    public int Position { get; init; }

    /// <summary>The index of the first of its characters in the text, in UTF-16 units, as strings are indexed.</summary>
    public int Start { get; init; }

    /// <summary>The number of its characters, in UTF-16 units.</summary>
    public int Length => Text.Length;

    /// <summary>
    /// The index of the first of its bytes in the text's UTF-8; <see langword="null"/> if unknown, as in result files
    /// of version 1.
    /// </summary>
    public int? ByteStart { get; init; }

    /// <summary>ln p(token) as the model predicted it from the tokens before it, in nats.</summary>
    public double LogProbability { get; init; }

    /// <summary>
    /// How many tokens the model considered more probable: 0 if the token is the arg-max. Ranks are displayed from 1.
    /// </summary>
    public int Rank { get; init; }

    /// <summary>ln p of the token that the model considered most probable, in nats.</summary>
    public double TopLogProbability { get; init; }

    /// <summary>The number of tokens that the model saw before it, including a start token.</summary>
    public int ContextCount { get; init; }

    /// <summary>
    /// The entropy of the prediction, −Σ p ln p, in nats: how uncertain the model was. <see langword="null"/> if not
    /// requested.
    /// </summary>
    public double? Entropy { get; init; }

    /// <summary>
    /// The tokens that the model considered most probable, the best first and equally probable ones by id; empty if not
    /// requested.
    /// </summary>
    public IReadOnlyList<TokenCandidate> Candidates { get; init; } = [];

    /// <summary>−ln p(token), in nats: its loss.</summary>
    public double NegativeLogLikelihood => -LogProbability;

    /// <summary>−log₂ p(token), in bits: its surprisal.</summary>
    public double Bits => NegativeLogLikelihood / Math.Log(2);

    /// <summary>The token, its probability and its rank, such as <c>' you' p = 0.123, rank 1</c>.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"'{(Text.Length > 0 ? Text : Piece.Text)}' p = {Math.Exp(LogProbability):G3}, rank {Rank + 1}");
}
