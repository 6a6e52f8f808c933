using System.Globalization;
using System.Xml.Linq;
using MLNet.Gpt.Evaluation.Reports;
using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Evaluation.Reports;

public sealed class LossReportTests : IDisposable
{
    private static readonly GptConfig Config = GptModelTests.Odd with { VocabularySize = 50257 };

    private readonly GptModel _model = GptModel.FromWeights(RandomWeights.Of(Config), Gpt2Tokenizer.Instance);

    public void Dispose() => _model.Dispose();

    [Fact]
    public void A_page_is_well_formed_loads_nothing_and_shows_every_token()
    {
        string[] texts = ["Every <effort> & \"moves\" you\r\n\u0001\uFFFF 🙂", "I really like chocolate", ""];
        var documents = Describe(texts);
        string html = Write(new LossReport { Title = "A & B", Documents = documents });
        var page = Parse(html);

        Assert.DoesNotContain("http", html, StringComparison.Ordinal);
        Assert.DoesNotContain(
            page.Descendants().Attributes(),
            attribute => attribute.Name.LocalName is "src" || (attribute.Name.LocalName is "href" && !attribute.Value.StartsWith('#')));
        Assert.Equal("A & B", page.Descendants("title").First().Value);
        var shown = page.Descendants("div")
            .Where(element => (string?)element.Attribute("class") == "text")
            .Select(text => text.Elements("span").ToArray())
            .ToArray();
        Assert.Equal(2, shown.Length);
        foreach (var (document, spans) in documents.Zip(shown))
        {
            var groups = TokenGroup.Of(document).ToArray();
            Assert.Equal(groups.Length, spans.Length);
            Assert.Equal(document.Tokens, groups.SelectMany(group => group.Tokens));
            foreach (var (group, span) in groups.Zip(spans))
            {
                string hint = (string)span.Attribute("title")!;
                foreach (var token in group.Tokens)
                {
                    string seen = token.ContextCount == 1 ? "1 token\n" : $"{token.ContextCount} tokens";
                    Assert.Contains(
                        $"rank {(token.Rank + 1).ToString("N0", CultureInfo.InvariantCulture)} of 50,257, id {token.Id}, "
                        + $"position {token.Position}, after {seen}",
                        hint,
                        StringComparison.Ordinal);
                    Assert.All(
                        token.Candidates,
                        candidate => Assert.Contains(ReportText.Quote(candidate.Text), hint, StringComparison.Ordinal));
                }
            }
        }

        Assert.Equal(texts[1], string.Concat(shown[1].Select(span => span.Value)));
    }

    [Fact]
    public void Two_models_stand_beside_each_other_with_intervals_and_the_tokens_where_they_differ_most()
    {
        using var other = GptModel.FromWeights(RandomWeights.Of(Config, seed: 2), Gpt2Tokenizer.Instance);
        string[] texts = ["Every <effort> & \"moves\" you\r\n\u0001 🙂", "I really like chocolate"];
        var documents = Describe(texts);
        var reference = new CorpusEvaluator(other, new() { PrependEndOfText = true }, new() { Tokens = new() })
            .EvaluateDocuments(Corpus.FromTexts(texts), cancellationToken: TestContext.Current.CancellationToken).ToArray();
        var page = Parse(Write(new LossReport { Documents = documents, ReferenceDocuments = reference, ReferenceModel = "a <b>" }));

        var figures = page.Descendants("table").First().Elements("tr")
            .Select(row => row.Elements("td").Select(cell => cell.Value).ToArray());
        double mean = LanguageModelMetrics.Merge(reference.Select(document => document.Metrics)).CrossEntropy;
        string loss = mean.ToString("F4", CultureInfo.InvariantCulture);
        Assert.Equal(loss, figures.Single(row => row is ["the reference", ..])[1]);
        Assert.Contains(page.Descendants("p"), text => text.Value.Contains("Reference: a <b>. ", StringComparison.Ordinal));

        // Two documents and all together, each with both models.
        var plots = page.Descendants("svg").ToArray();
        var intervals = plots.Single(plot => ((string)plot.Attribute("aria-label")!).StartsWith("Cross-entropy", StringComparison.Ordinal));
        string[] hints = [.. intervals.Elements("g").Select(group => group.Element("title")!.Value)];
        Assert.Equal(6, hints.Length);
        var first = Estimate.OfMean([.. documents[0].Tokens.Select(token => token.NegativeLogLikelihood)]);
        Assert.Equal($"1, the model: {first} nats per token", hints[0]);
        Assert.All(hints[3..], hint => Assert.Contains("the reference", hint, StringComparison.Ordinal));
        Assert.Equal(3, intervals.Descendants("circle").Count() - 1); // one is in the legend
        var calibration = plots.Single(plot => ((string)plot.Attribute("aria-label")!).StartsWith("Calibration", StringComparison.Ordinal));
        Assert.NotEmpty(calibration.Elements("g"));

        // The greatest differences come first, each with a link to its text.
        var rows = page.Descendants("table").Last().Element("tbody")!.Elements("tr").ToArray();
        var pairs = documents.SelectMany(document => document.Tokens).Zip(reference.SelectMany(document => document.Tokens)).ToArray();
        double[] expected = [.. pairs.Select(pair => pair.First.Bits - pair.Second.Bits).OrderByDescending(Math.Abs).Take(30)];
        var cells = rows.Select(row => row.Elements("td").ElementAt(1));
        Assert.Equal(expected, cells.Select(cell => double.Parse((string)cell.Attribute("data-v")!, CultureInfo.InvariantCulture)));
        var links = rows.Select(row => (string)row.Descendants("a").Single().Attribute("href")!);
        Assert.All(links, link => Assert.StartsWith("#d", link, StringComparison.Ordinal));
        string hintOfToken = (string)page.Descendants("span").First(span => (string?)span.Attribute("title") is { Length: > 0 } hint
            && hint.Contains("rank", StringComparison.Ordinal)).Attribute("title")!;
        Assert.Contains("reference: p = ", hintOfToken, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reference_with_other_tokens_is_refused()
    {
        var documents = Describe(["Every effort moves you"]);
        foreach (var others in (DocumentResult[][])[Describe(["Every effort moves me"]), Describe(["Every effort moves you", "a text"])])
        {
            Assert.Throws<ArgumentException>(() => Write(new LossReport { Documents = documents, ReferenceDocuments = others }));
        }
    }

    [Fact]
    public void Its_figures_are_those_of_the_documents_next_to_the_baselines()
    {
        var corpus = Corpus.FromTexts(["Every effort moves you", "I really like chocolate"]);
        var documents = new CorpusEvaluator(_model)
            .EvaluateDocuments(corpus, cancellationToken: TestContext.Current.CancellationToken)
            .ToArray();
        var metrics = new CorpusEvaluator(_model).Evaluate(corpus, cancellationToken: TestContext.Current.CancellationToken).Metrics;
        var baselines = TextBaselines.Measure(corpus, _model.Tokenizer, cancellationToken: TestContext.Current.CancellationToken);
        var page = Parse(Write(new LossReport { Documents = documents, Baselines = baselines }));

        var rows = page.Descendants("table")
            .First()
            .Elements("tr")
            .Select(row => row.Elements("td").Select(cell => cell.Value).ToArray())
            .ToArray();
        Assert.Equal(["the model", Four(metrics.CrossEntropy)], rows[1][..2]);
        Assert.Equal(Four(metrics.BitsPerByte), rows[1][3]);
        Assert.Equal(["uniform", Four(Math.Log(50257))], rows[2][..2]);
        Assert.Equal(["gzip", "Brotli"], rows[3..].Select(row => row[0]));

        var sortable = page.Descendants("tbody").Single().Elements("tr").ToArray();
        Assert.Equal(
            documents.Select(document => Four(document.CrossEntropy)),
            sortable.Select(row => row.Elements("td").ElementAt(2).Value));
        Assert.DoesNotContain(page.Descendants("div"), element => (string?)element.Attribute("class") == "text"); // tokens were not kept

        static string Four(double value) => value.ToString("F4", CultureInfo.InvariantCulture);
    }

    [Fact]
    public void Charts_are_drawn_and_described()
    {
        var chart = new ReportChart(
            "Training", "steps", "nats", [new("training", [(0, 10), (5, 7.5)]), new("validation", [(0, 10.2), (5, double.NaN)])]);
        var page = Parse(Write(new LossReport { Documents = Describe(["I really like chocolate"]), Charts = [chart] }));

        var plots = page.Descendants("svg").ToArray();
        Assert.Equal(5, plots.Length); // the given one, the histogram, the loss over the document, its interval, the calibration
        Assert.All(plots, plot => Assert.False(string.IsNullOrEmpty((string?)plot.Attribute("aria-label"))));
        Assert.Equal(2, plots[0].Elements("polyline").Count());
        Assert.Equal(
            4,
            plots[1].Elements("rect").Sum(bar => int.Parse(bar.Value.Split(": ")[1].Split(' ')[0], CultureInfo.InvariantCulture)));
    }

    [Theory]
    [InlineData("鲸鱼在游泳 🐋🏳️‍🌈, said he", true)]
    [InlineData("鲸鱼在游泳 🐋🏳️‍🌈, said he", false)]
    [InlineData("الحوت الأبيض", true)]
    [InlineData("الحوت الأبيض", false)]
    [InlineData(" 鯨 and", false)]
    [InlineData("é鯨", false)]
    [InlineData("Call me Ishmael.", false)]
    [InlineData("Call me Ishmael.", true)]
    public void The_whole_text_is_shown_in_whole_characters_with_bytes_of_parts_in_hints(string text, bool prependEndOfText)
    {
        var document = Describe([text], prependEndOfText).Single();
        string html = Write(new LossReport { Documents = [document] });
        var spans = Parse(html)
            .Descendants("div")
            .Single(element => (string?)element.Attribute("class") == "text")
            .Elements("span")
            .ToArray();

        Assert.DoesNotContain('\uFFFD', html);
        Assert.Equal(text, string.Concat(spans.Select(span => span.Value)));
        Assert.All(spans, span => Assert.DoesNotContain(span.Value.EnumerateRunes(), rune => rune == System.Text.Rune.ReplacementChar));
        bool isShownUncolored = !prependEndOfText && document.FirstToken!.IsWhole;
        Assert.Equal(
            isShownUncolored ? 1 : 0,
            spans.Count(span => (string?)span.Attribute("class") == "first" && span.Attribute("style") is null));
        if (!prependEndOfText) Assert.Contains("the first token, id", (string)spans[0].Attribute("title")!, StringComparison.Ordinal);
        foreach (var token in document.Tokens.Where(token => !token.Piece.IsWhole))
        {
            Assert.Contains(spans, span => ((string)span.Attribute("title")!).Contains(token.Piece.Text, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void The_page_states_model_time_and_options_and_is_the_same_each_time()
    {
        var report = new LossReport
        {
            Documents = Describe(["I really like chocolate"]),
            Model = "a <model>",
            Config = Config,
            Scoring = ScoringOptions.RollingWindows with { Stride = 4 },
            Time = new DateTimeOffset(2026, 3, 4, 5, 6, 7, TimeSpan.FromHours(2)),
        };
        string html = Write(report), text = Parse(html).Descendants("p").First().Value;

        Assert.Equal(html, Write(report));
        Assert.Contains("Model: a <model> with ", text, StringComparison.Ordinal);
        Assert.Contains("vocabulary 50,257", text, StringComparison.Ordinal);
        Assert.Contains("Measured 2026-03-04 05:06 UTC+02:00.", text, StringComparison.Ordinal);
        Assert.Contains(
            $"Windows of {Config.ContextLength} tokens, 4 tokens apart, the last one ending with the text; each "
            + "document by itself; a start token first",
            text,
            StringComparison.Ordinal);
        foreach (string word in (string[])["Cross-entropy is the mean", "Perplexity is e", "Bits per byte is"])
        {
            Assert.Contains(word, html, StringComparison.Ordinal);
        }

        Assert.Contains("UTC", Write(new LossReport { Documents = report.Documents }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_save_keeps_the_old_page()
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, "report.html");
        File.WriteAllText(path, "old");

        Assert.Throws<ArgumentException>(() => new LossReport { Documents = [] }.Save(path));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(folder.Path));
        var report = new LossReport { Documents = Describe(["I really like chocolate"]) };
        report.Save(path);
        Assert.Equal(Write(report), File.ReadAllText(path));
        Assert.Equal((byte)'<', File.ReadAllBytes(path)[0]); // no byte order mark
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void A_report_on_nothing_is_refused() => Assert.Throws<ArgumentException>(() => Write(new LossReport { Documents = [] }));

    private DocumentResult[] Describe(string[] texts, bool prependEndOfText = true) =>
        [.. new CorpusEvaluator(
            _model,
            new() { PrependEndOfText = prependEndOfText },
            new() { Tokens = new() { CandidateCount = 3, Entropy = true } })
            .EvaluateDocuments(Corpus.FromTexts(texts), cancellationToken: TestContext.Current.CancellationToken)];

    private static string Write(LossReport report)
    {
        using var writer = new StringWriter(CultureInfo.InvariantCulture);
        report.Write(writer);
        return writer.ToString();
    }

    // Removes the two HTML constructs that XML lacks.
    private static XElement Parse(string html) =>
        XElement.Parse(
            System.Text.RegularExpressions.Regex.Replace(
                html.Replace("<!DOCTYPE html>", "", StringComparison.Ordinal), "<meta ([^>]*)>", "<meta $1/>"),
            LoadOptions.PreserveWhitespace);
}
