
namespace MLNet.Gpt;

/// <summary>What a model made of one document.</summary>
/// <param name="Index">Its place in the corpus, from 0.</param>
/// <param name="Name">Its name.</param>
/// <param name="Score">Its sums.</param>
/// <param name="Tokens">Its predicted tokens in order; empty where they were not asked for.</param>
public sealed record DocumentResult(long Index, string Name, DocumentScore Score, IReadOnlyList<TokenResult> Tokens)
{
    /// <summary>
    /// The document's first token where nothing precedes it, so that it is not predicted. <see langword="null"/> where it is
    /// predicted, where the document has no token, and where tokens were not asked for.
    /// </summary>
    public TokenPiece? FirstToken { get; init; }

    /// <summary>Cross-entropy in nats per token; NaN where nothing was predicted.</summary>
    public double CrossEntropy => Score.Loss.CrossEntropy;

    /// <summary>exp(<see cref="CrossEntropy"/>).</summary>
    public double Perplexity => Score.Loss.Perplexity;
}
