namespace MLNet.Gpt;

/// <summary>What the model thought of one target token.</summary>
/// <param name="NegativeLogLikelihood">−ln p(target), in nats; 0 is certainty.</param>
/// <param name="Rank">How many tokens the model held more probable: 0 where the target is the arg-max.</param>
public readonly record struct TokenScore(float NegativeLogLikelihood, int Rank)
{
    /// <summary>−ln p of the token that the model held most probable, in nats; the target's own where <see cref="Rank"/> is 0.</summary>
    public float TopNegativeLogLikelihood { get; init; }
}
