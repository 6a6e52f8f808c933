namespace MLNet.Gpt.Evaluation.Scoring;

/// <summary>How much the predictions of two models diverge at one target.</summary>
/// <param name="Divergence">The Kullback-Leibler divergence of the model's prediction from the reference's, in nats.</param>
/// <param name="ReferenceLoss">−ln p(target) of the reference, in nats.</param>
/// <param name="Loss">−ln p(target) of the model, in nats.</param>
/// <param name="HasSameTop">Whether both consider the same token most probable.</param>
internal readonly record struct TokenDivergence(float Divergence, float ReferenceLoss, float Loss, bool HasSameTop);
