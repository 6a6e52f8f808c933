namespace MLNet.Gpt.Evaluation.Statistics;

/// <summary>Sums up the losses of blocks of consecutive tokens; a block ends with its document.</summary>
/// <param name="length">Tokens per block.</param>
internal sealed class TokenBlocks(int length)
{
    private readonly List<LanguageModelMetrics> _metrics = [];

    public IReadOnlyList<LanguageModelMetrics> Metrics => _metrics;

    public void Add(DocumentResult document)
    {
        foreach (var block in document.Tokens.Chunk(length))
        {
            var loss = LossSummary.Empty;
            foreach (var token in block) loss += LossSummary.Of(token.NegativeLogLikelihood);
            _metrics.Add(new(loss, document.Metrics.VocabularySize));
        }
    }
}
