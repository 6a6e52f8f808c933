using System.Globalization;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Evaluation.Reports;
using MLNet.Gpt.IO;
using static MLNet.Gpt.Evaluation.Reports.ReportText;

namespace MLNet.Gpt;

/// <summary>
/// A report about a measurement, as a single self-contained HTML file: the figures next to simple baselines, a sortable
/// table of the documents, the distribution of the losses, and the texts with each token colored by its surprisal. The
/// page supports light and dark mode and can be used with the keyboard.
/// </summary>
public sealed record LossReport
{
    // The surprisal with the strongest color: one of 65,536 tokens, about that of guessing among GPT-2's vocabulary.
    private const double FullBits = 16;
    private const double HighBits = 10;
    private const int CurvePoints = 120;

    /// <summary>The page's title.</summary>
    /// <value><c>Loss of each token</c>.</value>
    public string Title { get; init; } = "Loss of each token";

    /// <summary>The documents, with their tokens if the texts are to be shown; a few thousand tokens make a page of a megabyte.</summary>
    public required IReadOnlyList<DocumentResult> Documents { get; init; }

    /// <summary>
    /// The same documents, with the same tokens, as a second model predicted them; the page then shows where the models differ. Empty if
    /// there is none.
    /// </summary>
    public IReadOnlyList<DocumentResult> ReferenceDocuments { get; init; } = [];

    /// <summary>The name of the second model; not shown if <see langword="null"/>.</summary>
    public string? ReferenceModel { get; init; }

    /// <summary>The name of the model, such as that of its file; not shown if <see langword="null"/>.</summary>
    public string? Model { get; init; }

    /// <summary>The configuration of the model; not shown if <see langword="null"/>.</summary>
    public GptConfig? Config { get; init; }

    /// <summary>How the texts were measured; not shown if <see langword="null"/>.</summary>
    public ScoringOptions? Scoring { get; init; }

    /// <summary>
    /// When the texts were measured, as shown on the page. Set it if the same measurement has to produce the same page.
    /// </summary>
    /// <value>The time at which the report is created.</value>
    public DateTimeOffset Time { get; init; } = DateTimeOffset.Now;

    /// <summary>The baselines to compare the figures with; only uniform guessing if <see langword="null"/>.</summary>
    public TextBaselines? Baselines { get; init; }

    /// <summary>Charts to show after the figures, such as the losses of a training run.</summary>
    public IReadOnlyList<ReportChart> Charts { get; init; } = [];

    /// <summary>Writes the page to a file. A temporary file is moved into place, so that an old page stays if anything fails.</summary>
    /// <exception cref="ArgumentException">There is no document, or the reference has others.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Save(string path) => AtomicFile.Write(path, length: 0, stream =>
    {
        using var writer = new StreamWriter(stream, leaveOpen: true);
        Write(writer);
    });

    /// <summary>Writes the page.</summary>
    /// <exception cref="ArgumentException">There is no document, or the reference has others.</exception>
    public void Write(TextWriter page)
    {
        if (Documents.Count == 0) throw new ArgumentException("There is no document to report on.");
        ReportComparison.Validate(Documents, ReferenceDocuments);
        page.WriteLine($"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{Encode(Title)}</title>
            <style>
            {ReportPage.Style}
            </style>
            </head>
            <body>
            <main>
            <h1>{Encode(Title)}</h1>
            """);
        WriteOrigin(page);
        WriteFigures(page);
        foreach (var chart in Charts) WriteChart(page, chart);
        if (Documents.Count > 1) WriteDocuments(page);
        ScoredToken[] tokens = [.. Documents.SelectMany(document => document.Tokens)];
        if (tokens.Length > 0)
        {
            var comparison = new ReportComparison(Documents, ReferenceDocuments);
            comparison.WriteDifferences(page);
            WriteHistogram(page, tokens);
            WriteCurve(page);
            comparison.WriteIntervals(page);
            comparison.WriteCalibration(page);
            WriteTexts(page, comparison.ReferenceTokens());
        }

        page.WriteLine($"</main>\n<p id=\"card\" role=\"status\"></p>\n<script>\n{ReportPage.Script}\n</script>\n</body>\n</html>");
    }

    private void WriteOrigin(TextWriter page)
    {
        string model = Model is null ? "" : Encode(Model);
        if (Config is { } config)
        {
            string sizes = $"{Counted(config.LayerCount, "layer")}, {Counted(config.HeadCount, "head")}, "
                + Invariant($"width {config.EmbeddingWidth:N0}, context {config.ContextLength:N0}, ")
                + Invariant($"vocabulary {config.VocabularySize:N0}");
            model = model.Length == 0 ? sizes : $"{model} with {sizes}";
        }

        page.Write("<p>");
        if (model.Length > 0) page.Write($"Model: {model}. ");
        if (ReferenceModel is { } reference) page.Write($"Reference: {Encode(reference)}. ");
        page.Write(Invariant($"Measured {Time:yyyy-MM-dd HH:mm 'UTC'zzz}. "));
        if (Scoring is { } scoring) page.Write(Encode(Sentence(scoring)));
        page.WriteLine("</p>");
    }

    private string Sentence(ScoringOptions scoring)
    {
        int? window = scoring.WindowLength ?? (Config is null ? null : scoring.WindowLengthFor(Config)), stride = scoring.Stride ?? window;
        string length = window is { } tokens ? $"of {Quantity.Of(tokens, "token", "N0")}" : "of the context length";
        string apart = stride is null || stride == window ? "side by side" : $"{Quantity.Of(stride.Value, "token", "N0")} apart";
        string last = scoring.LastWindow == LastWindow.AtEnd ? ", the last one ending with the text" : "";
        string documents = scoring.Documents switch
        {
            DocumentBoundaries.Separate => "each document by itself",
            DocumentBoundaries.Joined => "documents joined",
            _ => "documents joined by the end-of-text token",
        };
        string start = scoring.PrependEndOfText
            ? "a start token first, so that every token is predicted"
            : "the first token is not predicted";
        string special = scoring.SpecialTokens == SpecialTokens.Literal ? ", special tokens read as ordinary text" : "";
        return $"Windows {length}, {apart}{last}; {documents}; {start}{special}.";
    }

    private void WriteFigures(TextWriter page)
    {
        var model = LanguageModelMetrics.MergeDocuments(Documents.Select(document => document.Metrics));
        page.WriteLine(
            "<div class=\"wide\"><table class=\"figures\">\n<tr><th></th><th>Cross-entropy</th><th>Perplexity</th><th>Bits per byte</th>"
            + "<th>Word perplexity</th><th>Most probable</th><th>Tokens</th><th>Documents</th></tr>");
        page.Write(Invariant($"<tr><td>the model</td>{Cells(model)}<td>{model.Top1Accuracy:P1}</td>"));
        page.WriteLine(Invariant($"<td>{model.TokenCount:N0}</td><td>{model.DocumentCount:N0}</td></tr>"));
        if (model.Estimates is { } estimates) page.WriteLine(IntervalRow(estimates));
        if (ReferenceDocuments.Count > 0)
        {
            var reference = LanguageModelMetrics.Merge(ReferenceDocuments.Select(document => document.Metrics));
            page.Write(Invariant($"<tr><td>the reference</td>{Cells(reference)}<td>{reference.Top1Accuracy:P1}</td>"));
            page.WriteLine(Invariant($"<td>{reference.TokenCount:N0}</td><td>{reference.DocumentCount:N0}</td></tr>"));
        }

        var uniform = model.WithLoss(LossSummary.Of(model.UniformCrossEntropy * model.TokenCount, model.TokenCount));
        var baselines = Baselines?.All ?? [new("uniform", uniform)];
        foreach (var (name, metrics) in baselines)
        {
            page.WriteLine($"<tr class=\"quiet\"><td>{Encode(name)}</td>{Cells(metrics)}<td></td><td></td><td></td></tr>");
        }

        page.WriteLine("""
            </table></div>
            <p class="quiet">Cross-entropy is the mean of −ln p over the tokens that were predicted, in nats (units of the natural
            logarithm): 0 for a model that was certain of each of them. Perplexity is e to that power: the model was as unsure as if
            it chose among so many equally likely tokens. Bits per byte is the same loss in bits (nats divided by ln 2) for each
            UTF-8 byte of the text; it and word perplexity compare models with different tokenizers.</p>
            """);
    }

    private static string IntervalRow(LossEstimates estimates)
    {
        string units = estimates.BlockLength is { } length ? Invariant($"blocks of {length} tokens") : "documents";
        string hint = Invariant($"from a bootstrap of {estimates.UnitCount:N0} {units}");
        return $"<tr class=\"quiet\"><td title=\"{hint}\">{estimates.CrossEntropy.Percent} interval</td>"
            + $"{Range(estimates.CrossEntropy, "F4")}"
            + $"{Range(estimates.Perplexity, "N2")}{Range(estimates.BitsPerByte, "F4")}{Range(estimates.WordPerplexity, "#,##0.00")}"
            + $"{Range(estimates.Top1Accuracy, "P1")}<td></td><td></td></tr>";

        static string Range(Estimate estimate, string format) =>
            $"<td>{Text(estimate.Lower, format)} – {Text(estimate.Upper, format)}</td>";

        static string Text(double bound, string format) => bound.ToString(format, CultureInfo.InvariantCulture);
    }

    private static string Cells(LanguageModelMetrics metrics) =>
        Invariant($"<td>{metrics.CrossEntropy:F4}</td><td>{metrics.Perplexity:N2}</td><td>{metrics.BitsPerByte:F4}</td>")
        + Invariant($"<td>{metrics.WordPerplexity:#,##0.00}</td>");

    private static void WriteChart(TextWriter page, ReportChart chart)
    {
        (double X, double Y)[] points = [.. chart.Series.SelectMany(series => series.Points).Where(point => double.IsFinite(point.Y))];
        page.WriteLine($"<h2>{Encode(chart.Title)}</h2>");
        if (points.Length == 0)
        {
            page.WriteLine("<p class=\"quiet\">There is no point to draw.</p>");
            return;
        }

        var plot = new SvgPlot(
            chart.Title,
            (points.Min(point => point.X), points.Max(point => point.X)),
            (points.Min(point => point.Y), points.Max(point => point.Y)),
            chart.XLabel,
            chart.YLabel);
        foreach (var series in chart.Series) plot.AddLine(series.Name, series.Points);
        WritePlot(page, plot);
    }

    private static void WritePlot(TextWriter page, SvgPlot plot) => page.WriteLine(plot);

    private void WriteDocuments(TextWriter page)
    {
        page.WriteLine(
            "<h2>Documents</h2>\n<div class=\"wide\"><table class=\"sortable\">\n<thead><tr><th>Document</th><th>Tokens</th>"
            + "<th>Cross-entropy</th><th>Perplexity</th><th>Bits per byte</th><th>Most probable</th></tr></thead>\n<tbody>");
        foreach (var document in Documents)
        {
            var metrics = document.Metrics;
            string name = Encode(NameOf(document));
            string link = document.Tokens.Count > 0 ? $"<a href=\"#d{document.Index}\">{name}</a>" : name;
            page.WriteLine(
                $"<tr><td>{link}</td>{Cell(metrics.TokenCount, "N0")}{Cell(metrics.CrossEntropy, "F4")}{Cell(metrics.Perplexity, "N2")}"
                + $"{Cell(metrics.BitsPerByte, "F4")}{Cell(metrics.Top1Accuracy, "P1")}</tr>");
        }

        page.WriteLine("</tbody></table></div>");
    }

    private static string Cell(double value, string format) => double.IsFinite(value)
        ? Invariant($"<td data-v=\"{value:R}\">{value.ToString(format, CultureInfo.InvariantCulture)}</td>")
        : "<td>–</td>";

    private void WriteHistogram(TextWriter page, ScoredToken[] tokens)
    {
        const int BinsPerBit = 2;
        double greatest = tokens.Select(token => token.Bits).Where(double.IsFinite).DefaultIfEmpty(0).Max();
        double most = Math.Max(FullBits, Math.Ceiling(greatest) + 1);
        int[] counts = new int[(int)(most * BinsPerBit)];
        foreach (var token in tokens) counts[(int)Math.Clamp(token.Bits * BinsPerBit, 0, counts.Length - 1)]++;

        double mean = tokens.Average(token => token.Bits);
        var plot = new SvgPlot(
            Invariant($"Histogram of surprisal: {Quantity.Of(tokens.Length, "token", "N0")}, mean {mean:F2} bits"),
            (0, most),
            (0, counts.Max()),
            "surprisal, bits",
            "tokens");
        for (int i = 0; i < counts.Length; i++)
        {
            double from = (double)i / BinsPerBit, to = (i + 1.0) / BinsPerBit;
            string tokensInBin = Quantity.Of(counts[i], "token", "N0");
            if (counts[i] > 0) plot.AddBar(from, to, counts[i], Invariant($"{from:0.#} to {to:0.#} bits: {tokensInBin}"));
        }

        plot.AddMark(mean, Invariant($"mean {mean:F2}"));
        plot.AddMark(Math.Log2(Documents[0].Metrics.VocabularySize), "guessing");
        page.WriteLine("<h2>How surprising the tokens were</h2>");
        WritePlot(page, plot);
    }

    private void WriteCurve(TextWriter page)
    {
        int longest = Documents.Max(document => document.Tokens.Count);
        if (longest < 2) return;

        // The mean over documents of tokens at about the same position.
        int count = Math.Min(CurvePoints, longest);
        double[] sums = new double[count];
        int[] tokens = new int[count];
        foreach (var document in Documents)
        {
            for (int i = 0; i < document.Tokens.Count; i++)
            {
                int place = (int)((long)i * count / longest);
                sums[place] += document.Tokens[i].NegativeLogLikelihood;
                tokens[place]++;
            }
        }

        (double X, double Y)[] points =
        [
            .. Enumerable.Range(0, count).Where(i => tokens[i] > 0).Select(i => ((i + 0.5) * longest / count, sums[i] / tokens[i])),
        ];
        double high = points.Select(point => point.Y).Where(double.IsFinite).DefaultIfEmpty(1).Max();
        var plot = new SvgPlot(
            "Loss over the position in the document",
            (0, longest),
            (0, high),
            "position of the token in its document",
            "nats per token");
        plot.AddLine("", points);
        page.WriteLine("<h2>Loss over the document</h2>");
        WritePlot(page, plot);
    }

    private void WriteTexts(TextWriter page, IReadOnlyDictionary<ScoredToken, ScoredToken> reference)
    {
        page.WriteLine("<h2>The texts</h2>");
        page.Write("<p class=\"key quiet\">Surprisal in bits: ");
        for (int bits = 0; bits <= FullBits; bits += 4)
        {
            page.Write(Invariant($"<span{ClassOf(bits, "", isToken: false)} style=\"--s:{Strength(bits)}\">{bits}</span>"));
        }

        page.WriteLine(
            ". Point at a token, or step through a text with the arrow keys, to see what the model expected. A character of several "
            + "tokens has their bits together; a first token that nothing precedes has no color.</p>");
        foreach (var document in Documents)
        {
            if (document.Tokens.Count == 0) continue;
            page.Write(Invariant($"<h3 id=\"d{document.Index}\">{Encode(NameOf(document))} <span class=\"quiet\">"));
            page.WriteLine(Invariant($"{document.CrossEntropy:F4} nats per token, perplexity {document.Perplexity:N2}</span></h3>"));
            page.Write($"<div class=\"text\" role=\"group\" dir=\"auto\" aria-label=\"{EncodeAttribute(NameOf(document))}\">");
            foreach (var group in TokenGroup.Of(document)) WriteGroup(page, group, reference);
            page.WriteLine("</div>");
        }
    }

    private void WriteGroup(TextWriter page, TokenGroup group, IReadOnlyDictionary<ScoredToken, ScoredToken> reference)
    {
        string hint = EncodeAttribute(Hint(group, reference));
        string style = group.Tokens.Count == 0
            ? " class=\"first\""
            : $"{ClassOf(group.Bits, group.Text, isToken: true)} style=\"--s:{Strength(group.Bits)}\"";
        page.Write($"<span{style} title=\"{hint}\">{Encode(group.Text)}</span>");
    }

    private string Hint(TokenGroup group, IReadOnlyDictionary<ScoredToken, ScoredToken> reference)
    {
        IEnumerable<string> first = group.First is { } token
            ? [Invariant($"{Quote(token.Text)}  the first token, id {token.Id}: nothing precedes it, so it is not predicted")]
            : [];
        bool isAlone = group.Tokens.Count == 1 && group.First is null;
        int count = group.Tokens.Count + (group.First is null ? 0 : 1);
        string heading = isAlone || group.Tokens.Count == 0
            ? ""
            : Invariant($"{Quote(group.Text)}  {count} tokens, {group.Bits:F2} bits together\n");
        var hints = group.Tokens.Select(token =>
            Hint(token, isAlone ? token.Text : token.Piece.Text, reference.GetValueOrDefault(token)));
        return heading + string.Join('\n', first.Concat(hints));
    }

    private string Hint(ScoredToken token, string text, ScoredToken? reference)
    {
        string shown = Quote(text.Length > 0 ? text : token.Piece.Text);
        string hint = Invariant($"{shown}  p = {Math.Exp(token.LogProbability):G4}, {token.Bits:F2} bits\n")
            + Invariant($"rank {token.Rank + 1:N0} of {Documents[0].Metrics.VocabularySize:N0}, id {token.Id}, ")
            + Invariant($"position {token.Position:N0}, after {Counted(token.ContextCount, "token")}");
        if (reference is not null)
        {
            hint += Invariant($"\nreference: p = {Math.Exp(reference.LogProbability):G4}, {reference.Bits:F2} bits, ")
                + Invariant($"rank {reference.Rank + 1:N0}");
        }

        if (token.Entropy is { } entropy) hint += Invariant($"\nentropy {entropy / Math.Log(2):F2} bits");
        return hint + string.Concat(token.Candidates.Select(each => Invariant($"\n{each.Probability,7:P1} {Quote(each.Text)}")));
    }

    private static string Counted(int count, string noun) => Invariant($"{count:N0} {noun}{(count == 1 ? "" : "s")}");

    private static string ClassOf(double bits, string text, bool isToken)
    {
        bool isBreak = text.Length > 0 && text.All(character => character is '\n' or '\r');
        string classes = (bits >= HighBits ? "high " : "") + (isBreak ? "break" : "");
        if (text.Length == 0 && isToken) classes += "part";
        return classes.Length == 0 ? "" : $" class=\"{classes.TrimEnd()}\"";
    }

    private static string Strength(double bits) => Math.Clamp(bits / FullBits, 0, 1).ToString("0.##", CultureInfo.InvariantCulture);
}
