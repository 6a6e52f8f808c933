namespace MLNet.Gpt.Inference;

/// <summary>
/// What the engine computes for one target token: the part of a <see cref="ScoredToken"/> that comes from a pass over
/// the model.
/// </summary>
/// <param name="NegativeLogLikelihood">−ln p(target), in nats; 0 is certainty.</param>
/// <param name="Rank">How many tokens the model considered more probable: 0 if the target is the arg-max.</param>
internal readonly record struct TokenScore(float NegativeLogLikelihood, int Rank)
{
    /// <summary>−ln p of the most probable token, in nats; the target's own if <see cref="Rank"/> is 0.</summary>
    public float TopNegativeLogLikelihood { get; init; }
}
