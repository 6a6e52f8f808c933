
namespace MLNet.Gpt;

/// <summary>The loss of tokens that had about as many tokens before them.</summary>
/// <param name="FewestSeen">At least so many tokens were seen before.</param>
/// <param name="MostSeen">At most so many.</param>
/// <param name="Loss">The loss.</param>
public readonly record struct ContextLoss(int FewestSeen, int MostSeen, LossSummary Loss);
