namespace MLNet.Gpt.Inference;

/// <summary>
/// A second model that scores the same targets in the same call, as the reference of the first, and room for what is compared.
/// </summary>
/// <param name="reference">The reference, whose vocabulary and ids are those of the first model, and whose context is long enough.</param>
/// <param name="targetCount">Number of targets, N.</param>
internal sealed class PairScores(GptModel reference, int targetCount)
{
    /// <summary>The reference.</summary>
    public GptModel Reference => reference;

    /// <summary>What the reference predicted for each target, (N).</summary>
    public TokenScore[] Scores { get; } = new TokenScore[targetCount];

    /// <summary>For each target the divergence of the model's prediction from the reference's, in nats, (N).</summary>
    public float[] Divergences { get; } = new float[targetCount];

    /// <summary>For each target whether both models consider the same token most probable, (N).</summary>
    public bool[] HaveSameTop { get; } = new bool[targetCount];
}
