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
        Assert.Equal(3, plots.Length); // the given one, the histogram, the loss over the document
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
