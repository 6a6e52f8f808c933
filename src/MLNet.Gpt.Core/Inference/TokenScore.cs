namespace MLNet.Gpt.Inference;

/// <summary>
/// What the engine computes of one target token: the part of a <see cref="ScoredToken"/> that a pass over the model
/// gives.
/// </summary>
/// <param name="NegativeLogLikelihood">−ln p(target), in nats; 0 is certainty.</param>
/// <param name="Rank">How many tokens the model considered more probable: 0 where the target is the arg-max.</param>
internal readonly record struct TokenScore(float NegativeLogLikelihood, int Rank)
{
    /// <summary>−ln p of the most probable token, in nats; the target's own where <see cref="Rank"/> is 0.</summary>
    public float TopNegativeLogLikelihood { get; init; }
}
