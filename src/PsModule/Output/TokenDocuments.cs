using MLNet.Gpt;

namespace MLNetGpt.Output;

/// <summary>Groups tokens that come one by one into documents.</summary>
internal static class TokenDocuments
{
    /// <summary>Returns the documents: a new one begins with another file or text, or when positions start over.</summary>
    public static IReadOnlyList<DocumentResult> Of(IEnumerable<GptTokenLoss> tokens)
    {
        var documents = new List<List<GptTokenLoss>>();
        foreach (var token in tokens)
        {
            bool continues = documents.Count > 0
                && documents[^1][^1] is var last
                && last.Source == token.Source && last.TextIndex == token.TextIndex && last.Position < token.Position;
            if (continues) documents[^1].Add(token);
            else documents.Add([token]);
        }

        return [.. documents.Select(Document)];
    }

    private static DocumentResult Document(IReadOnlyList<GptTokenLoss> tokens, int index) => DocumentResult.FromTokens(
        tokens[0].Source is { } source ? Path.GetFileName(source) : string.Empty,
        [.. tokens.Select(token => token.Result)],
        tokens[0].VocabularySize,
        index,
        tokens[0].FirstToken?.Piece);
}
