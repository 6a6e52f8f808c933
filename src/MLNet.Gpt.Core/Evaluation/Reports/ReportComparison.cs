using System.Globalization;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Inference;
using static MLNet.Gpt.Evaluation.Reports.ReportText;

namespace MLNet.Gpt.Evaluation.Reports;

/// <summary>
/// The parts of a report that show intervals and calibration, and how a model and a reference differ if there are two.
/// </summary>
/// <param name="documents">The documents, at least one of them with tokens.</param>
/// <param name="reference">The same documents as the reference predicted them; empty if there is none.</param>
internal sealed class ReportComparison(IReadOnlyList<DocumentResult> documents, IReadOnlyList<DocumentResult> reference)
{
    private const string ModelName = "the model", ReferenceName = "the reference";
    private const int MostDocuments = 12, MostTokens = 30, ContextCharacters = 40;

    private bool IsPair => reference.Count > 0;

    /// <summary>Checks that a reference has predicted the same tokens.</summary>
    /// <exception cref="ArgumentException">The documents or their tokens differ.</exception>
    public static void Validate(IReadOnlyList<DocumentResult> documents, IReadOnlyList<DocumentResult> reference)
    {
        if (reference.Count == 0) return;
        if (reference.Count != documents.Count)
        {
            throw new ArgumentException(
                $"There are {Quantity.Of(documents.Count, "document")}, and {Quantity.Of(reference.Count, "document")} of the reference.");
        }

        foreach (var (one, other) in documents.Zip(reference))
        {
            if (one.Metrics.VocabularySize == other.Metrics.VocabularySize
                && one.Tokens.Select(IdOf).SequenceEqual(other.Tokens.Select(IdOf))) continue;
            throw new ArgumentException(
                $"The tokens of '{NameOf(one)}' differ between the model and the reference; they must be the same.");
        }

        static (int Id, int Position) IdOf(ScoredToken token) => (token.Id, token.Position);
    }

    /// <summary>Writes the losses of the documents with their intervals, and the difference.</summary>
    public void WriteIntervals(TextWriter page)
    {
        (string Name, Estimate[] Figures)[] columns =
        [
            .. Enumerable.Range(0, documents.Count).Where(i => documents[i].Tokens.Count > 1).Take(MostDocuments)
                .Select(i => (NameOf(documents[i]), LossesOf(i..(i + 1)))),
            .. documents.Count > 1 ? [("all", LossesOf(..))] : Array.Empty<(string, Estimate[])>(),
        ];
        Estimate[] all = [.. columns.SelectMany(column => column.Figures).Where(figure => double.IsFinite(figure.Upper))];
        if (all.Length == 0) return;

        page.WriteLine("<h2>How sure the losses are</h2>");
        var plot = new SvgPlot(
            "Cross-entropy of each document with its interval" + (IsPair ? ", of the model and the reference" : ""),
            (0, columns.Length),
            (Math.Max(0, all.Min(figure => figure.Lower)), all.Max(figure => figure.Upper)),
            "document", "nats per token", [.. columns.Select(column => column.Name)]);
        for (int series = 0; series < (IsPair ? 2 : 1); series++)
        {
            double place = IsPair ? 0.4 + (0.2 * series) : 0.5;
            plot.AddEstimates(
                series == 0 ? ModelName : ReferenceName,
                columns.Select((column, i) => (
                    i + place, column.Figures[series],
                    $"{column.Name}, {(series == 0 ? ModelName : ReferenceName)}: {column.Figures[series]} nats per token")));
        }

        page.WriteLine(plot);
        page.WriteLine(
            "<p class=\"quiet\">Bars are 95 % intervals of the means. They treat tokens as independent; neighboring tokens are not quite, "
            + "so that true intervals are somewhat wider.</p>");
        if (!IsPair) return;
        var difference = Estimate.OfMean(
            [.. Pairs().Select(pair => pair.Model.NegativeLogLikelihood - pair.Reference.NegativeLogLikelihood).Where(double.IsFinite)]);
        long same = Pairs().LongCount(pair => pair.Model.Rank == 0), sameOfReference = Pairs().LongCount(pair => pair.Reference.Rank == 0);
        long count = Pairs().LongCount();
        page.WriteLine(
            $"<p>The model's loss minus the reference's, token by token: {Encode(difference.ToString())} nats per token. The most probable "
            + $"token was the text's for {Encode(Percent(Estimate.OfProportion(same, count)))} with the model and "
            + $"{Encode(Percent(Estimate.OfProportion(sameOfReference, count)))} with the reference.</p>");
    }

    /// <summary>Writes the hit rate by confidence, with Wilson intervals.</summary>
    public void WriteCalibration(TextWriter page)
    {
        var plot = new SvgPlot(
            "Calibration: how often the most probable token was right, by its probability", (0, 1), (0, 1),
            "probability of the most probable token", "how often it was right");
        plot.AddGuide((0, 0), (1, 1));
        var errors = new List<string>();
        foreach (var (name, results) in (ReadOnlySpan<(string, IReadOnlyList<DocumentResult>)>)
            [(ModelName, documents), (ReferenceName, reference)])
        {
            if (results.Count == 0) continue;
            var statistics = new TokenStatistics();
            foreach (var token in results.SelectMany(document => document.Tokens)) statistics.Add(ScoreOf(token), token.ContextCount);
            plot.AddEstimates(
                IsPair ? name : "",
                statistics.Calibration.Bins.Where(bin => bin.Count > 0).Select(bin => (
                    bin.MeanProbability, Estimate.OfProportion(bin.HitCount, bin.Count),
                    Invariant($"{name}, {Quantity.Of(bin.Count, "token", "N0")} of mean probability {bin.MeanProbability:P1}: ")
                    + Invariant($"{bin.HitRate:P1} right"))));
            errors.Add(Invariant($"{(IsPair ? $"{name}: " : "")}{statistics.Calibration.ExpectedError:F3}"));
        }

        page.WriteLine("<h2>Whether confidence is justified</h2>");
        page.WriteLine(plot);
        page.WriteLine(
            "<p class=\"quiet\">On the dashed line, a prediction of 70 % is right 7 times in 10; below it, the model is too sure. Bars are "
            + $"95 % Wilson intervals. Expected calibration error: {string.Join(", ", errors)}.</p>");
    }

    /// <summary>Writes the tokens whose probabilities differ most between the models.</summary>
    public void WriteDifferences(TextWriter page)
    {
        if (!IsPair) return;
        var most = Pairs()
            .Where(pair => Math.Abs(pair.Model.Bits - pair.Reference.Bits) > 0)
            .OrderByDescending(pair => Math.Abs(pair.Model.Bits - pair.Reference.Bits))
            .Take(MostTokens)
            .ToArray();
        page.WriteLine("<h2>Where the models differ most</h2>");
        if (most.Length == 0)
        {
            page.WriteLine("<p>Both models give every token the same probability.</p>");
            return;
        }

        page.WriteLine(
            "<p class=\"quiet\">Surprisal in bits; a negative difference means that the model expected the token more than the reference "
            + "did.</p>\n<div class=\"wide\"><table class=\"sortable\">\n"
            + "<thead><tr><th>Token, after what precedes it</th><th>Difference</th>"
            + "<th>The model</th><th>The reference</th><th>Rank</th><th>Reference's rank</th></tr></thead>\n<tbody>");
        foreach (var (document, place, model, other) in most)
        {
            string before = string.Concat(document.Tokens.Take(place).TakeLast(ContextCharacters).Select(token => token.Text));
            if (before.Length > ContextCharacters) before = "…" + before[^ContextCharacters..];
            string token = Encode(Quote(model.Text.Length > 0 ? model.Text : model.Piece.Text));
            page.WriteLine(
                $"<tr><td><a href=\"#d{document.Index}\">{token}</a> <span class=\"quiet\">{Encode(OneLine(before))}</span></td>"
                + Number(model.Bits - other.Bits, "+0.00;-0.00;0.00") + Number(model.Bits, "F2") + Number(other.Bits, "F2")
                + Number(model.Rank + 1, "N0") + Number(other.Rank + 1, "N0") + "</tr>");
        }

        page.WriteLine("</tbody></table></div>");
    }

    /// <summary>Returns the reference's prediction of each token, if there is a reference.</summary>
    public IReadOnlyDictionary<ScoredToken, ScoredToken> ReferenceTokens() =>
        Pairs().ToDictionary(pair => pair.Model, pair => pair.Reference);

    private Estimate[] LossesOf(Range range) => IsPair
        ? [Loss(documents.Take(range)), Loss(reference.Take(range))]
        : [Loss(documents.Take(range))];

    private static Estimate Loss(IEnumerable<DocumentResult> results) =>
        Estimate.OfMean([.. results.SelectMany(document => document.Tokens).Select(token => token.NegativeLogLikelihood)]);

    private IEnumerable<(DocumentResult Document, int Place, ScoredToken Model, ScoredToken Reference)> Pairs() => documents.Zip(reference)
        .SelectMany(pair => pair.First.Tokens.Select((token, i) => (pair.First, i, token, pair.Second.Tokens[i])));

    private static TokenScore ScoreOf(ScoredToken token) =>
        new((float)token.NegativeLogLikelihood, token.Rank) { TopNegativeLogLikelihood = (float)-token.TopLogProbability };

    private static string Percent(Estimate proportion) => Invariant($"{100 * proportion.Value:F1} % ")
        + Invariant($"({100 * proportion.Lower:F1} to {100 * proportion.Upper:F1} %)");

    private static string OneLine(string text) => text.ReplaceLineEndings("↵");

    private static string Number(double value, string format) => double.IsFinite(value)
        ? Invariant($"<td data-v=\"{value:R}\">{value.ToString(format, CultureInfo.InvariantCulture)}</td>")
        : $"<td>{value.ToString(CultureInfo.InvariantCulture)}</td>";
}
