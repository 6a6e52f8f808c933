namespace MLNet.Gpt.Evaluation;

/// <summary>A token that the model could have expected.</summary>
/// <param name="Id">The token's id.</param>
/// <param name="Text">Its text by itself; bytes that form no whole character are U+FFFD.</param>
/// <param name="LogProbability">ln p(token), in nats.</param>
public readonly record struct ScoredCandidate(int Id, string Text, float LogProbability);
