using System.Globalization;
using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>The loss of the tokens that were predicted from a similar number of preceding tokens.</summary>
public readonly struct ContextLoss
{
    internal ContextLoss(int minimum, int maximum, LossSummary loss) => (MinContext, MaxContext, Loss) = (minimum, maximum, loss);

    /// <summary>The fewest preceding tokens.</summary>
    public int MinContext { get; }

    /// <summary>The most preceding tokens.</summary>
    public int MaxContext { get; }

    /// <summary>The loss.</summary>
    public LossSummary Loss { get; }

    /// <summary>The context and the loss, such as <c>5–8 tokens: 6.1234 nats per token, …</c>.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{(MinContext == MaxContext ? "" : $"{MinContext}–")}{Quantity.Of(MaxContext, "token")}: {Loss}");
}
