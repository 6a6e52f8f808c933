using MLNet.Gpt.Evaluation.Scoring;

namespace MLNet.Gpt.Evaluation.Divergence;

/// <summary>
/// Adds up how two models compare, token by token. Everything depends only on the tokens, not on their order or grouping.
/// </summary>
internal sealed class DivergenceTotals(int vocabularySize)
{
    private Int128 _products, _referenceSquares, _squares;

    public LanguageModelMetrics Reference { get; private set; } = new(LossSummary.Empty, vocabularySize);

    public LanguageModelMetrics Model { get; private set; } = new(LossSummary.Empty, vocabularySize);

    public TokenStatistics ReferenceStatistics { get; } = new();

    public TokenStatistics ModelStatistics { get; } = new();

    /// <summary>The divergences.</summary>
    public ExactMoments Divergence { get; } = new();

    public ValueHistogram Divergences { get; } = new();

    /// <summary>The changes of the target's probability.</summary>
    public ExactMoments Change { get; } = new();

    /// <summary>Their squares.</summary>
    public ExactMoments SquaredChange { get; } = new();

    public ValueHistogram Changes { get; } = new();

    /// <summary>The model's loss minus the reference's.</summary>
    public ExactMoments Difference { get; } = new();

    public long SameTopCount { get; private set; }

    /// <summary>Pearson's correlation of the log-probabilities of the targets; NaN where they do not vary or are not finite.</summary>
    public double Correlation
    {
        get
        {
            if (Difference.InfiniteCount > 0) return double.NaN;
            double n = Difference.Count, mean = Model.CrossEntropy, referenceMean = Reference.CrossEntropy;
            double variance = (ExactMoments.FromFixed(_squares) / n) - (mean * mean);
            double referenceVariance = (ExactMoments.FromFixed(_referenceSquares) / n) - (referenceMean * referenceMean);
            double covariance = (ExactMoments.FromFixed(_products) / n) - (mean * referenceMean);
            return covariance / Math.Sqrt(variance * referenceVariance);
        }
    }

    public void Add(ChunkResult chunk)
    {
        var divergence = chunk.Divergence ?? throw new InvalidDataException($"Chunk {chunk.Index} has no comparison with a reference.");
        Reference += divergence.Reference;
        Model += chunk.Metrics;
        ReferenceStatistics.Add(divergence.Statistics);
        ModelStatistics.Add(chunk.Statistics);
        foreach (var token in divergence.Tokens) Add(token);
    }

    private void Add(TokenDivergence token)
    {
        Divergence.Add(token.Divergence);
        Divergences.Add(token.Divergence);
        double loss = token.Loss, reference = token.ReferenceLoss;
        double change = loss == reference ? 0 : Math.Exp(-loss) - Math.Exp(-reference);
        Change.Add(change);
        SquaredChange.Add(change * change);
        Changes.Add((float)change);
        Difference.Add(loss - reference);
        if (token.HasSameTop) SameTopCount++;
        if (!double.IsFinite(loss - reference)) return;
        checked
        {
            _squares += ExactMoments.ToFixed(loss * loss);
            _referenceSquares += ExactMoments.ToFixed(reference * reference);
            _products += ExactMoments.ToFixed(loss * reference);
        }
    }
}
