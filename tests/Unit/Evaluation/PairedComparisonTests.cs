
namespace MLNet.Gpt.Tests.Evaluation;

public class PairedComparisonTests
{
    private static readonly ComparisonOptions Nats = new() { Unit = LossUnit.NatsPerToken };

    [Fact]
    public void The_interval_is_the_normal_one_for_many_similar_units()
    {
        // Differences with mean 0.1 and known spread; the losses themselves vary much more, which pairing removes.
        var random = new Random(3);
        const int Units = 400;
        double[] differences = [
            .. Enumerable.Range(0, Units).Select(_ => 0.1 + ((random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5) * 2))
        ];
        double[] levels = [.. differences.Select(_ => 300 + (100 * random.NextDouble()))];
        var result = PairedComparison.FromMetrics(
            [.. levels.Select(Score)],
            [.. levels.Zip(differences, (level, difference) => Score(level + (100 * difference)))],
            Nats);

        double mean = differences.Average(), deviation = Math.Sqrt(differences.Sum(difference => Math.Pow(difference - mean, 2)) / Units);
        double half = 1.959964 * deviation / Math.Sqrt(Units);
        Assert.Equal(mean, result.Difference, 1e-9);
        Assert.Equal(mean - half, result.Lower, 0.05 * half);
        Assert.Equal(mean + half, result.Upper, 0.05 * half);
        Assert.Equal(Units, result.UnitCount);
    }

    [Fact]
    public void About_95_of_100_intervals_contain_the_true_value()
    {
        var random = new Random(5);
        int held = 0;
        for (int trial = 0; trial < 400; trial++)
        {
            LanguageModelMetrics[] first = [.. Enumerable.Range(0, 60).Select(_ => Score(300 + (50 * random.NextDouble())))];
            // The true difference is 0.
            LanguageModelMetrics[] second = [.. first.Select(score => Score(score.Loss.Sum + (20 * (random.NextDouble() - 0.5))))];
            var result = PairedComparison.FromMetrics(first, second, Nats with { ResampleCount = 500, Seed = trial });
            if (result.Lower <= 0 && result.Upper >= 0) held++;
        }

        Assert.InRange(held / 400.0, 0.91, 0.98);
    }

    [Fact]
    public void A_model_differs_from_a_worse_one_but_not_from_itself()
    {
        LanguageModelMetrics[] scores = [.. Enumerable.Range(0, 50).Select(i => Score(200 + i))];
        var same = PairedComparison.FromMetrics(scores, scores);
        Assert.Equal((0, 0, 0), (same.Difference, same.Lower, same.Upper));
        Assert.False(same.IsSignificant);

        var worse = PairedComparison.FromMetrics(scores, [.. scores.Select((score, i) => Score(score.Loss.Sum + 5 + (i % 7)))]);
        Assert.True(worse.IsSignificant && worse.Lower > 0 && worse.SecondIsBetter == 0);
        Assert.Equal(scores.Sum(score => score.Loss.Sum) / Math.Log(2) / (50 * 400), worse.First, 1e-12);
    }

    [Fact]
    public void The_same_seed_gives_the_same_interval()
    {
        LanguageModelMetrics[] first = [.. Enumerable.Range(0, 30).Select(i => Score(200 + Math.Sin(i)))], second = [
            .. Enumerable.Range(0, 30).Select(i => Score(200 + Math.Cos(3 * i)))
        ];
        var one = PairedComparison.FromMetrics(first, second, Nats);

        Assert.Equal(
            (one.Lower, one.Upper),
            PairedComparison.FromMetrics(first, second, Nats) is var again ? (again.Lower, again.Upper) : default);
        Assert.NotEqual(one.Lower, PairedComparison.FromMetrics(first, second, Nats with { Seed = 2 }).Lower);
    }

    [Fact]
    public void Two_models_are_compared_by_documents_and_by_blocks_of_tokens()
    {
        using var first = TinyModels.Create();
        using var second = TinyModels.Create(seed: 2);
        var options = new CorpusOptions { Tokens = new() };
        DocumentResult[] left = [
            .. new CorpusEvaluator(first, options: options).EvaluateDocuments(
                TestCorpora.Mixed, cancellationToken: TestContext.Current.CancellationToken)
        ];
        DocumentResult[] right = [
            .. new CorpusEvaluator(second, options: options).EvaluateDocuments(
                TestCorpora.Mixed, cancellationToken: TestContext.Current.CancellationToken)
        ];
        var total1 = LanguageModelMetrics.Merge(left.Select(document => document.Metrics));
        var total2 = LanguageModelMetrics.Merge(right.Select(document => document.Metrics));

        var documents = PairedComparison.FromDocuments(left, right);
        Assert.Equal(
            (total2.Loss.Sum / total2.ByteCount / Math.Log(2)) - (total1.Loss.Sum / total1.ByteCount / Math.Log(2)),
            documents.Difference,
            1e-12);
        Assert.Equal(left.Length, documents.UnitCount);

        var blocks = PairedComparison.FromTokenBlocks(left, right, blockLength: 50);
        Assert.Equal(total2.Loss.CrossEntropy - total1.Loss.CrossEntropy, blocks.Difference, 1e-9);
        Assert.Equal(left.Sum(document => (document.Tokens.Count + 49) / 50), blocks.UnitCount);
        Assert.InRange(blocks.Difference, blocks.Lower, blocks.Upper);
    }

    [Fact]
    public void Results_that_cannot_be_paired_are_refused()
    {
        var nothing = new LanguageModelMetrics(LossSummary.Empty, 50);
        Assert.Throws<ArgumentException>(() => PairedComparison.FromMetrics([Score(1)], [Score(1)]));
        Assert.Throws<ArgumentException>(() => PairedComparison.FromMetrics([Score(1), Score(2)], [Score(1)]));
        Assert.Throws<ArgumentException>(() => PairedComparison.FromMetrics([nothing, nothing], [nothing, nothing]));
        DocumentResult a = new(0, "a", Score(1), []), b = new(0, "b", Score(1), []);
        Assert.Contains(
            "'b'",
            Assert.Throws<ArgumentException>(() => PairedComparison.FromDocuments([a, a], [a, b])).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => PairedComparison.FromTokenBlocks([a, a], [a, a]));

        var bits = new ComparisonOptions { Unit = LossUnit.BitsPerByte };
        string unit = Assert.Throws<ArgumentException>(() => PairedComparison.FromTokenBlocks([a, a], [a, a], 10, bits)).Message;
        Assert.Contains("NatsPerToken; Unit is BitsPerByte", unit, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new ComparisonOptions { ResampleCount = 2_000_000_000 });
    }

    [Fact]
    public void Result_files_are_comparable_if_they_are_of_the_same_text()
    {
        using var folder = new TemporaryDirectory();
        using var first = TinyModels.Create();
        using var second = TinyModels.Create(seed: 2);
        var texts = Corpus.FromTexts(["w1 w2 w3", "w4 w5"]);
        string reference = Measure(first, texts, new());

        CorpusResults.RequireSameText([reference], [Measure(second, texts, new())]);
        CorpusResults.RequireSameText([reference], [Measure(second, texts, new() { WindowLength = 8, Stride = 2 })]);
        string other = Measure(second, Corpus.FromTexts(["w1 w2 w3", "w4 w6"]), new());
        string start = Measure(second, texts, new() { PrependEndOfText = true });
        string corpora = Assert.Throws<ArgumentException>(() => CorpusResults.RequireSameText([reference], [other])).Message;
        string options = Assert.Throws<ArgumentException>(() => CorpusResults.RequireSameText([reference], [start])).Message;
        Assert.Contains("corpora", corpora, StringComparison.Ordinal);
        Assert.Contains("start=False", options, StringComparison.Ordinal);
        Assert.Contains("start=True", options, StringComparison.Ordinal);

        string Measure(GptModel model, Corpus corpus, ScoringOptions scoring) => new CorpusEvaluator(model, scoring).Evaluate(
            corpus, folder.Path, cancellationToken: TestContext.Current.CancellationToken).ResultFile!;
    }

    [Fact]
    public void Blocks_of_unequal_documents_are_refused_as_documents_are()
    {
        using var model = TinyModels.Create();
        DocumentResult[] all = [
            .. new CorpusEvaluator(model, options: new() { Tokens = new() }).EvaluateDocuments(
                TestCorpora.Mixed, cancellationToken: TestContext.Current.CancellationToken)
        ];
        DocumentResult[][] others = [
            all[..^1], [.. all, all[0]], [all[0]], [],
            [new(all[0].Index, "other", all[0].Metrics, all[0].Tokens), .. all[1..]]
        ];
        foreach (var other in others)
        {
            foreach (var (first, second) in (ReadOnlySpan<(DocumentResult[], DocumentResult[])>)[(all, other), (other, all)])
            {
                string byBlocks = Assert.Throws<ArgumentException>(() => PairedComparison.FromTokenBlocks(first, second, 10)).Message;
                Assert.Equal(Assert.Throws<ArgumentException>(() => PairedComparison.FromDocuments(first, second)).Message, byBlocks);
            }
        }
    }

    [Fact]
    public void Values_of_the_same_questions_are_compared_in_pairs()
    {
        double[] first = [.. Enumerable.Range(0, 200).Select(i => i % 10 < 6 ? 1.0 : 0)];
        double[] second = [.. Enumerable.Range(0, 200).Select(i => i % 10 is < 6 or 8 ? 1.0 : 0)];
        var result = PairedComparison.FromValues(first, second);
        Assert.Equal((0.6, 0.7, null), (Math.Round(result.First, 12), Math.Round(result.Second, 12), result.Unit));
        Assert.Equal(Math.Sqrt(0.1 * 0.9 / 199), result.Estimate.StandardError, 1e-3);
        Assert.True(result is { IsSignificant: true, SecondIsBetter: 1, PValue: < 0.001, Lower: > 0.05, Upper: < 0.15 });
        Assert.Equal(0, PairedComparison.FromValues(first, second, higherIsBetter: false).SecondIsBetter);
        Assert.Equal(1, PairedComparison.FromValues(first, first).PValue);
        Assert.Matches(@"^0\.1000 \[0\.\d{4}, 0\.\d{4}\] \(95 %, 200 units\)$", result.ToString());
        Assert.Throws<ArgumentException>("second", () => PairedComparison.FromValues(first, second[1..]));
        Assert.Throws<ArgumentException>("first", () => PairedComparison.FromValues([1], [0]));
        Assert.Throws<ArgumentException>("options", () => PairedComparison.FromValues(first, second, options: Nats));
    }

    private static LanguageModelMetrics Score(double nats) =>
        new(LossSummary.Of(nats, 100), 50) { ByteCount = 400, CharacterCount = 400, WordCount = 80, DocumentCount = 1 };
}
