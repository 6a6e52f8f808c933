namespace MLNet.Gpt.Generation.Sampling;

/// <summary>Draws one token from weights, advancing a random generator of its own.</summary>
internal interface ITokenDrawer
{
    /// <param name="ids">Ids that can be drawn, in ascending order; at least one.</param>
    /// <param name="weights">Unnormalized probability of each, at least one of them 1 and none larger.</param>
    /// <param name="vocabularySize">Ids there are, drawable or not.</param>
    /// <returns>The index in <paramref name="ids"/> of the token drawn; its weight is not 0.</returns>
    int Draw(ReadOnlySpan<int> ids, ReadOnlySpan<double> weights, int vocabularySize);
}
