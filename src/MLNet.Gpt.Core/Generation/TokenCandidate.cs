namespace MLNet.Gpt;

/// <summary>A token that could have come next.</summary>
/// <param name="Id">The token's id.</param>
/// <param name="LogProbability">ln p(token) under the model itself, in nats.</param>
public readonly record struct TokenCandidate(int Id, double LogProbability);
