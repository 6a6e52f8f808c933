namespace MLNet.Gpt.Evaluation.Metrics;

/// <summary>The measurement of a block of a document's tokens, or of a part of one.</summary>
/// <param name="Index">The block's index in its document: of its first token divided by <see cref="Length"/>.</param>
/// <param name="Metrics">Its sums; its document count is 1, or 0 for a later part of a block that was counted.</param>
internal readonly record struct BlockResult(long Index, LanguageModelMetrics Metrics)
{
    /// <summary>Tokens per block: the losses of neighboring blocks are much less correlated than those of neighboring tokens.</summary>
    public const int Length = 128;
}
