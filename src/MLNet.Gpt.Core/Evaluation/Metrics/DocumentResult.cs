using System.Globalization;
using MLNet.Gpt.Evaluation.Metrics;

namespace MLNet.Gpt;

/// <summary>The measurement of one document.</summary>
public sealed class DocumentResult
{
    internal DocumentResult(
        long index, string name, LanguageModelMetrics metrics, IReadOnlyList<ScoredToken> tokens, TokenPiece? firstToken = null)
    {
        Index = index;
        Name = name;
        Metrics = metrics;
        Tokens = tokens;
        FirstToken = firstToken;
    }

    /// <summary>The document's index in its corpus, from 0.</summary>
    public long Index { get; }

    /// <summary>The document's name; empty if it has none.</summary>
    public string Name { get; }

    /// <summary>The document's metrics.</summary>
    public LanguageModelMetrics Metrics { get; }

    /// <summary>The predicted tokens, in order; empty if they were not requested.</summary>
    public IReadOnlyList<ScoredToken> Tokens { get; }

    /// <summary>
    /// The document's first token if nothing precedes it, so that it is not predicted. <see langword="null"/> if it is
    /// predicted, if the document has no tokens, and if tokens were not requested.
    /// </summary>
    public TokenPiece? FirstToken { get; }

    /// <summary>The cross-entropy in nats per token; NaN if nothing was predicted.</summary>
    public double CrossEntropy => Metrics.CrossEntropy;

    /// <summary>The perplexity, exp(<see cref="CrossEntropy"/>).</summary>
    public double Perplexity => Metrics.Perplexity;

    /// <summary>
    /// Assembles the result of a document from its tokens, for example if they were passed on one by one. The text of
    /// all these tokens counts as predicted.
    /// </summary>
    /// <param name="name">The document's name.</param>
    /// <param name="tokens">The document's tokens, in order.</param>
    /// <param name="vocabularySize">V.</param>
    /// <param name="index">The document's index, from 0.</param>
    /// <param name="firstToken">The first token, if it was not predicted.</param>
    public static DocumentResult FromTokens(
        string name, IReadOnlyList<ScoredToken> tokens, int vocabularySize, long index = 0, TokenPiece? firstToken = null)
    {
        var loss = LossSummary.Empty;
        foreach (var token in tokens) loss += LossSummary.Of(token.NegativeLogLikelihood);
        var size = TextSize.Of(string.Concat(tokens.Select(token => token.Text)));
        var metrics = new LanguageModelMetrics(loss, vocabularySize)
        {
            ByteCount = size.ByteCount,
            CharacterCount = size.CharacterCount,
            WordCount = size.WordCount,
            Top1Count = tokens.Count(token => token.Rank < 1),
            Top5Count = tokens.Count(token => token.Rank < 5),
            DocumentCount = 1,
        };
        return new(index, name, metrics, tokens, firstToken);
    }

    /// <summary>The name and the loss, such as <c>chapter1.txt: 3.2109 nats per token, perplexity 24.80, 512 tokens</c>.</summary>
    public override string ToString() =>
        (Name.Length > 0 ? Name : string.Create(CultureInfo.InvariantCulture, $"Document {Index + 1}")) + ": " + Metrics.Loss;

    internal DocumentResult With(LanguageModelMetrics metrics, IReadOnlyList<ScoredToken> tokens) =>
        new(Index, Name, metrics, tokens, FirstToken);
}
