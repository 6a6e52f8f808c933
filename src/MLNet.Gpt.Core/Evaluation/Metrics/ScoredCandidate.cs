namespace MLNet.Gpt;

/// <summary>A token that the model could have expected.</summary>
/// <param name="Id">The token's id.</param>
/// <param name="Text">Its text by itself, as <see cref="TokenPiece.Text"/> writes it: <c>&lt;E9&gt;</c> for a byte
/// of no whole character.</param>
/// <param name="LogProbability">ln p(token), in nats.</param>
public readonly record struct ScoredCandidate(int Id, string Text, float LogProbability);
