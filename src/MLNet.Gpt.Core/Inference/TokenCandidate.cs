using System.Globalization;

namespace MLNet.Gpt;

/// <summary>A token that a model considered for a position, with its probability.</summary>
public readonly struct TokenCandidate
{
    /// <summary>Initializes a candidate, for example one whose properties were stored.</summary>
    /// <param name="id">The token's id.</param>
    /// <param name="text">The token's own text.</param>
    /// <param name="logProbability">ln p(token), in nats.</param>
    public TokenCandidate(int id, string text, double logProbability) => (Id, Text, LogProbability) = (id, text, logProbability);

    /// <summary>The token's id.</summary>
    public int Id { get; }

    /// <summary>
    /// The token's own text, as <see cref="TokenPiece.Text"/> spells it: <c>&lt;E9&gt;</c> for a byte that is not part
    /// of a whole character.
    /// </summary>
    public string Text { get; }

    /// <summary>ln p(token) under the model, in nats.</summary>
    public double LogProbability { get; }

    /// <summary>p(token), from 0 to 1.</summary>
    public double Probability => Math.Exp(LogProbability);

    /// <summary>The text and the probability, such as <c>' you' p = 0.123</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"'{Text}' p = {Probability:G3}");
}
