using System.Globalization;
using System.Net;
using MLNetGpt.Output;

namespace MLNetGpt.Reports;

/// <summary>
/// A page of its own, with no script and nothing to load: the summary, each token coloured by its surprisal with its probability on hover,
/// and the loss curve where there is a training history.
/// </summary>
internal sealed class LossReport(string title, IReadOnlyList<GptTokenLoss> tokens, IReadOnlyList<TrainingEvaluation> history)
{
    // Surprisal at which the colour is full: one of 65,536 tokens, about guessing blindly among GPT-2's vocabulary.
    private const double FullBits = 16;

    private const string Style = """
        :root { color-scheme: light dark; --ink: #1c1e21; --paper: #fdfdfc; --quiet: #6b7078; --line: #d9dbde; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e6e6e3; --paper: #17191c; --quiet: #9aa0a8; --line: #383c42; } }
        body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
        h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; overflow-wrap: anywhere; }
        table { border-collapse: collapse; } td, th { text-align: right; padding: .2rem 1.2rem .2rem 0; font-variant-numeric: tabular-nums; }
        th { color: var(--quiet); font-weight: normal; border-bottom: 1px solid var(--line); }
        .text { font: 15px/1.9 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
        .text span { background: rgb(220 80 30 / var(--s)); border-radius: 2px; } .text span:hover { outline: 1px solid var(--ink); }
        .key span { display: inline-block; padding: 0 .6rem; background: rgb(220 80 30 / var(--s)); }
        .quiet { color: var(--quiet); } svg { max-width: 100%; height: auto; }
        """;

    public void Write(TextWriter page)
    {
        page.WriteLine($"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{Encode(title)}</title>
            <style>
            {Style}
            </style>
            </head>
            <body>
            <h1>{Encode(title)}</h1>
            """);
        WriteSummary(page);
        if (history.Count > 0) page.WriteLine($"<h2>Training</h2>\n{LossCurve.Draw(history)}");
        WriteKey(page);
        foreach (var text in tokens.ChunkBy(token => token.Source, startsAnew: (before, token) => token.Position <= before.Position)) WriteText(page, text);
        page.WriteLine("</body>\n</html>");
    }

    private void WriteSummary(TextWriter page)
    {
        double nats = tokens.Sum(token => token.NegativeLogLikelihood) / tokens.Count;
        page.WriteLine(Invariant($"""
            <table>
            <tr><th>Cross-entropy</th><th>Perplexity</th><th>Bits per token</th><th>Most probable</th><th>Tokens</th></tr>
            <tr><td>{nats:F4}</td><td>{Math.Exp(nats):N2}</td><td>{nats / Math.Log(2):F4}</td><td>{tokens.Count(token => token.Place == 1) / (double)tokens.Count:P1}</td><td>{tokens.Count:N0}</td></tr>
            </table>
            """));
    }

    private static void WriteKey(TextWriter page)
    {
        page.Write("<p class=\"key quiet\">Surprisal in bits: ");
        for (int bits = 0; bits <= FullBits; bits += 4) page.Write(Invariant($"<span style=\"--s:{Strength(bits)}\">{bits}</span>"));
        page.WriteLine("</p>");
    }

    private static void WriteText(TextWriter page, IReadOnlyList<GptTokenLoss> text)
    {
        double nats = text.Average(token => token.NegativeLogLikelihood);
        string name = text[0].Source is { } source ? Path.GetFileName(source) : "Text";
        page.WriteLine(Invariant($"<h2>{Encode(name)} <span class=\"quiet\">{nats:F4} nats per token, perplexity {Math.Exp(nats):N2}</span></h2>"));
        page.Write("<div class=\"text\">");
        foreach (var token in text)
        {
            string hint = Invariant($"p = {token.Probability:G4}, {token.Bits:F2} bits, place {token.Place}, id {token.Id}");
            page.Write(Invariant($"<span style=\"--s:{Strength(token.Bits)}\" title=\"{hint}\">{Encode(token.Text)}</span>"));
        }

        page.WriteLine("</div>");
    }

    private static string Strength(double bits) => Math.Clamp(bits / FullBits, 0, 1).ToString("0.##", CultureInfo.InvariantCulture);

    private static string Encode(string text) => WebUtility.HtmlEncode(text);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
