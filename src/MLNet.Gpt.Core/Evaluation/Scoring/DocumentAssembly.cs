using MLNet.Gpt.Evaluation.Metrics;

namespace MLNet.Gpt.Evaluation.Scoring;

/// <summary>Joins the results of a document's spans, which come in order.</summary>
internal static class DocumentAssembly
{
    public static IEnumerable<DocumentResult> Of(IEnumerable<DocumentResult> spans)
    {
        DocumentResult? first = null;
        LanguageModelMetrics? metrics = null;
        var tokens = new List<ScoredToken>();
        var blocks = new List<BlockResult>();
        foreach (var span in spans)
        {
            if (first is not null && first.Index != span.Index)
            {
                yield return first.With(metrics!, [.. tokens], [.. blocks]);
                first = null;
                tokens.Clear();
                blocks.Clear();
            }

            metrics = first is null ? span.Metrics : metrics! + span.Metrics;
            first ??= span;
            tokens.AddRange(span.Tokens);
            blocks.AddRange(span.Blocks);
        }

        if (first is not null) yield return first.With(metrics!, [.. tokens], [.. blocks]);
    }
}
