using System.Globalization;
using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>
/// The loss of any number of tokens: their summed negative log-likelihood and their number. Summaries add up exactly:
/// the sum is kept in fixed point, so that the same tokens give the same bits in any grouping and order.
/// </summary>
public readonly record struct LossSummary
{
    // Units of 2^-60 nats: finer than the spacing of any float that is not negligible compared to a loss; 128 bits overflow at 2^67 nats.
    private const double UnitsPerNat = 1L << 60;

    private readonly Int128 _units;
    private readonly long _infiniteCount;

    private LossSummary(Int128 units, long infiniteCount, long tokenCount)
    {
        _units = units;
        _infiniteCount = infiniteCount;
        TokenCount = tokenCount;
    }

    /// <summary>The summary of no tokens.</summary>
    public static LossSummary Empty => default;

    /// <summary>The number of predicted tokens.</summary>
    public long TokenCount { get; }

    /// <summary>Σ −ln p(target) over the tokens, in nats; positive infinity if a target had probability 0.</summary>
    public double Sum => _infiniteCount > 0 ? double.PositiveInfinity : (double)_units / UnitsPerNat;

    /// <summary>
    /// Cross-entropy, the mean negative log-likelihood in nats per token: <see cref="Sum"/> / <see cref="TokenCount"/>;
    /// NaN for no tokens.
    /// </summary>
    public double CrossEntropy => TokenCount == 0 ? double.NaN : Sum / TokenCount;

    /// <summary>
    /// Perplexity, exp(<see cref="CrossEntropy"/>): the number of equally likely tokens among which guessing would be
    /// as hard. NaN for no token.
    /// </summary>
    public double Perplexity => Math.Exp(CrossEntropy);

    /// <summary>Creates the summary of one token, or of several whose losses were added up elsewhere.</summary>
    /// <param name="negativeLogLikelihood">
    /// −ln p(target) in nats: at least 0 (a value that rounding made negative is kept), infinity for probability 0.
    /// </param>
    /// <param name="tokenCount">The number of tokens, at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The value is NaN, negative infinity or above 2^60, or the count is negative.
    /// </exception>
    public static LossSummary Of(double negativeLogLikelihood, long tokenCount = 1)
    {
        Check.AtLeast(tokenCount, 0, nameof(tokenCount));
        if (double.IsPositiveInfinity(negativeLogLikelihood)) return new(0, 1, tokenCount);
        if (!(Math.Abs(negativeLogLikelihood) <= 1L << 60))
        {
            throw new ArgumentOutOfRangeException(nameof(negativeLogLikelihood), string.Create(
                CultureInfo.InvariantCulture,
                $"A negative log-likelihood of {negativeLogLikelihood} cannot be summed; the model's logits contain NaN or overflow."));
        }

        return new((Int128)Math.Round(negativeLogLikelihood * UnitsPerNat), 0, tokenCount);
    }

    /// <summary>Adds the summaries of two disjoint sets of tokens.</summary>
    /// <exception cref="OverflowException">The sum exceeds 2^67 nats, or the count 2^63 tokens.</exception>
    public static LossSummary operator +(LossSummary left, LossSummary right) => checked(new(
        left._units + right._units, left._infiniteCount + right._infiniteCount, left.TokenCount + right.TokenCount));

    /// <summary>
    /// Returns the summary as text that <see cref="ParseExact"/> reads back to the last bit, for adding up summaries of
    /// several processes: the number of tokens, the number of infinite losses, and the sum in units of 2^-60 nats,
    /// separated by semicolons.
    /// </summary>
    public string ToExactString() => string.Create(CultureInfo.InvariantCulture, $"{TokenCount};{_infiniteCount};{_units}");

    /// <summary>The main figures, such as <c>3.2109 nats per token, perplexity 24.80, 512 tokens</c>.</summary>
    public override string ToString() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{CrossEntropy:F4} nats per token, perplexity {Perplexity:N2}, {Quantity.Of(TokenCount, "token", "N0")}");

    /// <summary>Parses what <see cref="ToExactString"/> wrote.</summary>
    /// <exception cref="FormatException">The text does not have that form; the message quotes it.</exception>
    public static LossSummary ParseExact(string text)
    {
        string[] parts = text.Split(';');
        return parts.Length == 3
            && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out long tokens)
            && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out long infinite)
            && Int128.TryParse(parts[2], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var units)
            ? new LossSummary(units, infinite, tokens)
            : throw new FormatException($"'{text}' does not have the form 'tokens;infinite;units'.");
    }
}
