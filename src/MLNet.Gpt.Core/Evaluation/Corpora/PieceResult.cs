namespace MLNet.Gpt.Evaluation.Corpora;

/// <summary>What a model made of a piece of a corpus.</summary>
/// <param name="Index">The piece's place.</param>
/// <param name="ContentHash">The hash of what was scored.</param>
/// <param name="Parts">Its documents' parts, in order.</param>
/// <param name="Statistics">Its tokens' statistics.</param>
/// <param name="CharactersThrough">Characters (UTF-16) of the corpus up to its end.</param>
internal sealed record PieceResult(long Index, string ContentHash, IReadOnlyList<DocumentResult> Parts, TokenStatistics Statistics, long CharactersThrough)
{
    /// <summary>The sums of its targets; documents that it begins are counted.</summary>
    public DocumentScore Score => Parts.Aggregate(DocumentScore.Empty, (sum, part) => sum + part.Score);
}
