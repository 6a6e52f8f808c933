namespace MLNet.Gpt.Evaluation.Corpora;

/// <summary>Puts documents together again from their parts, which come in order.</summary>
internal static class DocumentAssembly
{
    public static IEnumerable<DocumentResult> Of(IEnumerable<DocumentResult> parts)
    {
        DocumentResult? current = null;
        var tokens = new List<TokenResult>();
        foreach (var part in parts)
        {
            if (current is not null && current.Index != part.Index)
            {
                yield return current with { Tokens = [.. tokens] };
                current = null;
                tokens.Clear();
            }

            current = current is null ? part : current with { Score = current.Score + part.Score };
            tokens.AddRange(part.Tokens);
        }

        if (current is not null) yield return current with { Tokens = [.. tokens] };
    }
}
