
namespace MLNet.Gpt;

/// <summary>What a model made of one predicted token of a document.</summary>
public sealed record TokenResult
{
    /// <summary>
    /// The token's place among the document's tokens, from 0; an end-of-text token that ends the document comes after the last.
    /// </summary>
    public required int Position { get; init; }

    /// <summary>The token's id.</summary>
    public int Id => Piece.Id;

    /// <summary>
    /// The document's characters from <see cref="Start"/> on, <see cref="Length"/> of them: what the token completes. A character
    /// that spans tokens belongs to the last of them; those before it are empty. The texts of all tokens together are the
    /// document's text.
    /// </summary>
    public required string Text { get; init; }

    /// <summary>Place of the first of its characters in the document's text, in UTF-16 units, as strings are indexed.</summary>
    public required int Start { get; init; }

    /// <summary>Number of its characters, in UTF-16 units.</summary>
    public int Length => Text.Length;

    /// <summary>The token by itself, with its bytes: the same wherever it stands, and not empty where <see cref="Text"/> is.</summary>
    public required TokenPiece Piece { get; init; }

    /// <summary>
    /// Place of the first of its bytes in the document's UTF-8, counted from the document's first byte. <see langword="null"/>
    /// where it is not known, as in result files of version 1.
    /// </summary>
    public int? ByteStart { get; init; }

    /// <summary>ln p(token) as the model predicted it from the tokens before, in nats.</summary>
    public required float LogProbability { get; init; }

    /// <summary>
    /// How many tokens the model held more probable: 0 where the token is the arg-max. Shown to readers it is counted from 1.
    /// </summary>
    public required int Rank { get; init; }

    /// <summary>ln p of the token that the model held most probable, in nats.</summary>
    public required float TopLogProbability { get; init; }

    /// <summary>Tokens that the model saw before it, a start token among them.</summary>
    public required int ContextCount { get; init; }

    /// <summary>
    /// The prediction's entropy, −Σ p ln p in nats: how unsure the model was before it saw the token. <see langword="null"/>
    /// where not asked for.
    /// </summary>
    public float? Entropy { get; init; }

    /// <summary>The most probable tokens, best first, of equal ones the lower id first; empty where not asked for.</summary>
    public IReadOnlyList<ScoredCandidate> Candidates { get; init; } = [];

    /// <summary>−ln p(token), in nats: its loss.</summary>
    public float NegativeLogLikelihood => -LogProbability;

    /// <summary>−log₂ p(token), in bits: its surprisal.</summary>
    public double Bits => NegativeLogLikelihood / Math.Log(2);

    /// <summary>The token's text.</summary>
    public override string ToString() => Text;
}
