namespace MLNet.Gpt.Evaluation.Scoring;

/// <summary>The measurement of one chunk of a corpus.</summary>
/// <param name="Index">The chunk's index.</param>
/// <param name="ContentHash">The hash of what was scored.</param>
/// <param name="Documents">For each of its document spans the result, in order.</param>
/// <param name="Statistics">The statistics of its tokens.</param>
/// <param name="CharactersThrough">Characters (UTF-16) of the corpus up to the end of the chunk.</param>
internal sealed record ChunkResult(
    long Index, string ContentHash, IReadOnlyList<DocumentResult> Documents, TokenStatistics Statistics, long CharactersThrough)
{
    /// <summary>The sums over its targets; documents that begin in the chunk are counted.</summary>
    public LanguageModelMetrics Metrics => LanguageModelMetrics.Merge(Documents.Select(document => document.Metrics));

    /// <summary>How the predictions compare with those of a reference; <see langword="null"/> if there is none.</summary>
    public ChunkDivergence? Divergence { get; init; }

    /// <summary>Returns the result with one block for each document, as files before version 3 have it.</summary>
    public ChunkResult WithoutBlocks() => this with { Documents = [.. Documents.Select(document => document.AsBlock(Index))] };
}

/// <summary>What a reference predicted of the targets of a chunk, and how much the model's predictions diverge.</summary>
/// <param name="Reference">The sums of the reference over the targets.</param>
/// <param name="Statistics">The statistics of its predictions.</param>
/// <param name="Tokens">The divergence for each target.</param>
internal sealed record ChunkDivergence(LanguageModelMetrics Reference, TokenStatistics Statistics, TokenDivergence[] Tokens);
