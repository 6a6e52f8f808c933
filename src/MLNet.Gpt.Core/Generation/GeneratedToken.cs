namespace MLNet.Gpt;

/// <summary>One generated token.</summary>
/// <param name="Id">The token's id.</param>
public sealed record GeneratedToken(int Id)
{
    /// <summary>
    /// ln p(token) under the model itself, in nats: before penalties, temperature and filters. <see langword="null"/>
    /// where it was not asked for.
    /// </summary>
    public double? LogProbability { get; init; }

    /// <summary>
    /// The model's most probable tokens at this place, the most probable first; as many as
    /// <see cref="GenerationOptions.CandidateCount"/> asks for.
    /// </summary>
    public IReadOnlyList<TokenCandidate> Candidates { get; init; } = [];
}
