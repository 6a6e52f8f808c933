namespace MLNetGpt.Output;

/// <summary>A token that could come next.</summary>
public sealed class GptNextToken
{
    internal GptNextToken()
    {
    }

    /// <summary>
    /// Its rank among all tokens: 1 is the most probable. Not called Rank, which is a property of every array.
    /// </summary>
    public required int TokenRank { get; init; }

    /// <summary>Its id.</summary>
    public required int Id { get; init; }

    /// <summary>Its characters, and each byte that is no part of a whole character in hexadecimal digits.</summary>
    public required string Text { get; init; }

    /// <summary>ln p(token), in nats.</summary>
    public required double LogProbability { get; init; }

    /// <summary>p(token).</summary>
    public double Probability => Math.Exp(LogProbability);

    /// <summary>The text that it would follow.</summary>
    public required string Prompt { get; init; }

    /// <summary>The token's text.</summary>
    public override string ToString() => Text;
}
