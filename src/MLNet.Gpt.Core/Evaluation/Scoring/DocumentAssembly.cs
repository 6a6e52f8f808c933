namespace MLNet.Gpt.Evaluation.Scoring;

/// <summary>Joins the results of a document's spans, which come in order.</summary>
internal static class DocumentAssembly
{
    public static IEnumerable<DocumentResult> Of(IEnumerable<DocumentResult> spans)
    {
        DocumentResult? first = null;
        LanguageModelMetrics? metrics = null;
        var tokens = new List<ScoredToken>();
        foreach (var span in spans)
        {
            if (first is not null && first.Index != span.Index)
            {
                yield return first.With(metrics!, [.. tokens]);
                first = null;
                tokens.Clear();
            }

            metrics = first is null ? span.Metrics : metrics! + span.Metrics;
            first ??= span;
            tokens.AddRange(span.Tokens);
        }

        if (first is not null) yield return first.With(metrics!, [.. tokens]);
    }
}
