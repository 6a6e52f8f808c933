using System.Globalization;
using System.Text;
using MLNet.Gpt.Evaluation.Metrics;

namespace MLNet.Gpt;

/// <summary>The measurement of one document.</summary>
public sealed class DocumentResult
{
    internal DocumentResult(
        long index, string name, LanguageModelMetrics metrics, IReadOnlyList<ScoredToken> tokens, TokenPiece? firstToken = null,
        IReadOnlyList<BlockResult>? blocks = null)
    {
        Index = index;
        Name = name;
        Metrics = metrics;
        Tokens = tokens;
        FirstToken = firstToken;
        Blocks = blocks ?? [new(0, metrics)];
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

    /// <summary>The blocks of its tokens, or the parts of them that are in this part of the document.</summary>
    internal IReadOnlyList<BlockResult> Blocks { get; }

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
        string text = string.Concat(tokens.Select(token => token.Text));
        var blocks = new List<BlockResult>();
        int start = 0;
        foreach (var block in tokens.GroupBy(token => token.Position / BlockResult.Length))
        {
            int end = start + block.Sum(token => token.Text.Length);
            var part = text.AsSpan(start, end - start);
            int after = blocks.Count == 0 ? -1 : start;
            blocks.Add(new(block.Key, Of(
                block, vocabularySize,
                new(Encoding.UTF8.GetByteCount(part), TextSize.CountCharacters(part), TextSize.CountWordsEnding(text, after, end)))));
            start = end;
        }

        return new(
            index, name, Of(tokens, vocabularySize, TextSize.Of(text)).With(UnitSums.OfDocument(blocks)), tokens, firstToken, blocks);
    }

    /// <summary>The name and the loss, such as <c>chapter1.txt: 3.2109 nats per token, perplexity 24.80, 512 tokens</c>.</summary>
    public override string ToString() =>
        (Name.Length > 0 ? Name : string.Create(CultureInfo.InvariantCulture, $"Document {Index + 1}")) + ": " + Metrics.Loss;

    /// <summary>Returns the whole document of which this is the first part.</summary>
    internal DocumentResult With(
        LanguageModelMetrics metrics, IReadOnlyList<ScoredToken> tokens, IReadOnlyList<BlockResult> blocks) =>
        new(Index, Name, metrics.With(UnitSums.OfDocument(blocks)), tokens, FirstToken, blocks);

    /// <summary>Returns this part of a document as a single block.</summary>
    internal DocumentResult AsBlock(long index) => new(Index, Name, Metrics, Tokens, FirstToken, [new(index, Metrics.AsDocument())]);

    private static LanguageModelMetrics Of(IEnumerable<ScoredToken> tokens, int vocabularySize, TextSize size)
    {
        var loss = LossSummary.Empty;
        long top1 = 0, top5 = 0;
        foreach (var token in tokens)
        {
            loss += LossSummary.Of(token.NegativeLogLikelihood);
            if (token.Rank < 1) top1++;
            if (token.Rank < 5) top5++;
        }

        return new(loss, vocabularySize)
        {
            ByteCount = size.ByteCount,
            CharacterCount = size.CharacterCount,
            WordCount = size.WordCount,
            Top1Count = top1,
            Top5Count = top5,
            DocumentCount = 1,
        };
    }
}
