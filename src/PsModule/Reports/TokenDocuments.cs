using MLNet.Gpt;
using MLNetGpt.Output;

namespace MLNetGpt.Reports;

/// <summary>Puts tokens that came one by one together as documents.</summary>
internal static class TokenDocuments
{
    /// <summary>The documents: a new one begins with another file, or where positions start again.</summary>
    public static IReadOnlyList<DocumentResult> Of(IEnumerable<GptTokenLoss> tokens) =>
        [.. tokens.ChunkBy(token => token.Source, startsAnew: (before, token) => token.Position <= before.Position).Select(Document)];

    private static DocumentResult Document(IReadOnlyList<GptTokenLoss> tokens, int index)
    {
        var loss = LossSummary.Empty;
        foreach (var token in tokens) loss += LossSummary.Of(token.NegativeLogLikelihood);
        var size = TextSize.Of(string.Concat(tokens.Select(token => token.Text)));
        var score = new DocumentScore(
            loss, size.ByteCount, size.CharacterCount, size.WordCount, tokens.Count(token => token.TokenRank <= 1), tokens.Count(token => token.TokenRank <= 5), 1);
        return new(index, tokens[0].Source is { } source ? Path.GetFileName(source) : string.Empty, score, [.. tokens.Select(token => token.Result)])
        {
            FirstToken = tokens[0].FirstToken is { } first && tokens[0].Position == 1 ? first : null,
        };
    }
}
