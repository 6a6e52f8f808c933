using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Rows;

/// <summary>What the model computed for one row. Parts that were not computed are empty.</summary>
/// <param name="text">The row's text.</param>
internal sealed class RowResult(RowText text)
{
    private LanguageModelMetrics? _metrics;

    /// <summary>The row's text.</summary>
    public RowText Text => text;

    /// <summary>The parts that were computed.</summary>
    public TextParts Parts { get; init; }

    /// <summary>The score of each of <see cref="RowText.LossIds"/> after the first.</summary>
    public TokenScore[] TokenScores { get; init; } = [];

    /// <summary>The candidates for the next token, best first.</summary>
    public IReadOnlyList<TokenCandidate> Candidates { get; init; } = [];

    /// <summary>The last token's hidden state after the last layer norm (C).</summary>
    public float[] Embedding { get; init; } = [];

    /// <summary>The generated continuation of the text.</summary>
    public string Continuation { get; init; } = string.Empty;

    /// <summary>The text's metrics.</summary>
    public LanguageModelMetrics Metrics => _metrics ??= text.Summarize(TokenScores);

    /// <summary>ln p of each token; NaN for the first, which nothing precedes.</summary>
    public float[] TokenLogProbabilities =>
        text.LossIds.Length == 0 ? [] : [float.NaN, .. TokenScores.Select(score => -score.NegativeLogLikelihood)];

    /// <summary>Returns this result with the parts of another one for the same text.</summary>
    public RowResult With(RowResult other)
    {
        RowResult Source(TextParts part) => other.Parts.HasFlag(part) ? other : this;
        return new(text)
        {
            Parts = Parts | other.Parts,
            TokenScores = Source(TextParts.Loss).TokenScores,
            Candidates = Source(TextParts.NextToken).Candidates,
            Embedding = Source(TextParts.Embedding).Embedding,
            Continuation = Source(TextParts.Continuation).Continuation,
            _metrics = Source(TextParts.Loss)._metrics,
        };
    }
}
