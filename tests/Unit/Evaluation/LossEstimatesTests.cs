using System.Globalization;
using System.Text.RegularExpressions;
using MLNet.Gpt.Evaluation.Corpora;

namespace MLNet.Gpt.Tests.Evaluation;

public sealed class LossEstimatesTests : IDisposable
{
    private static readonly Corpus Long = Corpus.FromDocuments([
        new("first", TinyModels.Text(3000, 1)), new("empty", ""),
        new("second", TinyModels.Text(1500, 2)), new("third", TinyModels.Text(90, 3)),
    ]);

    private readonly TemporaryDirectory _folder = new();
    private readonly GptModel _model = TinyModels.Create();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Intervals_are_the_same_bits_in_any_batch_and_any_number_of_shards(bool isLong)
    {
        var corpus = isLong ? Long : TestCorpora.Mixed;
        var scoring = new ScoringOptions { Stride = 5 };
        var evaluator = new CorpusEvaluator(_model, scoring);
        var whole = evaluator.Evaluate(corpus, cancellationToken: Cancellation).Metrics;
        string expected = Flat(whole.Estimates!);
        Assert.Equal(isLong ? 128 : null, whole.Estimates!.BlockLength);

        foreach (int batch in (int[])[1, 100, 5000])
        {
            var other = new CorpusEvaluator(_model, scoring, new() { BatchTokenCount = batch });
            Assert.Equal(expected, Flat(other.Evaluate(corpus, cancellationToken: Cancellation).Metrics.Estimates!));
        }

        foreach (int count in (int[])[1, 3, 7])
        {
            string folder = Path.Combine(_folder.Path, $"{count}");
            string[] files = [
                .. CorpusShard.Split(count).Reverse()
                    .Select(shard => evaluator.Evaluate(corpus, folder, shard, cancellationToken: Cancellation).ResultFile!),
            ];
            Assert.Equal(expected, Flat(CorpusResults.Merge(files).Metrics.Estimates!));
            var documents = CorpusResults.ReadDocuments(files).Select(document => document.Metrics);
            if (!isLong) Assert.Equal(expected, Flat(LanguageModelMetrics.MergeDocuments(documents).Estimates!));
        }
    }

    [Fact]
    public void An_interrupted_evaluation_ends_with_the_same_intervals()
    {
        var evaluator = new CorpusEvaluator(_model, new() { Stride = 5 });
        string expected = Flat(evaluator.Evaluate(Long, cancellationToken: Cancellation).Metrics.Estimates!);
        var whole = evaluator.Evaluate(Long, _folder.Path, cancellationToken: Cancellation);
        string[] lines = File.ReadAllLines(whole.ResultFile!);
        File.WriteAllLines(whole.ResultFile!, lines[..4]);
        Assert.Equal(expected, Flat(evaluator.Evaluate(Long, _folder.Path, cancellationToken: Cancellation).Metrics.Estimates!));
        Assert.Equal(lines, File.ReadAllLines(whole.ResultFile!));
    }

    [Fact]
    public void Blocks_are_of_128_tokens_of_a_document_whatever_the_windows()
    {
        ScoringOptions[] all = [new(), new() { Stride = 3 }, new() { WindowLength = 7 }, new() { PrependEndOfText = true }];
        foreach (var scoring in all)
        {
            var options = new CorpusOptions { Tokens = new() };
            var evaluator = new CorpusEvaluator(_model, scoring, options);
            foreach (var document in evaluator.EvaluateDocuments(Long, cancellationToken: Cancellation))
            {
                var blocks = document.Blocks
                    .GroupBy(block => block.Index, block => block.Metrics)
                    .ToDictionary(block => block.Key, LanguageModelMetrics.Merge);
                foreach (var (index, metrics) in blocks)
                {
                    var tokens = document.Tokens.Where(token => token.Position / 128 == index).ToArray();
                    Assert.Equal(tokens.Length, metrics.TokenCount);
                    var sum = tokens.Aggregate(LossSummary.Empty, (sum, token) => sum + LossSummary.Of(token.NegativeLogLikelihood));
                    Assert.Equal(sum, metrics.Loss);
                    Assert.Equal(1, metrics.DocumentCount);
                }

                Assert.Equal(document.Metrics.ToExactString(), LanguageModelMetrics.Merge(blocks.Values).AsDocument().ToExactString());
                Assert.Equal(document.Tokens.Count > 1280, document.Metrics.Estimates is not null);
                if (document.Metrics.Estimates is not { } estimates) continue;
                Assert.Equal(blocks.Count, estimates.UnitCount);
                var again = DocumentResult.FromTokens(document.Name, document.Tokens, 61, document.Index, document.FirstToken);
                Assert.Equal($"{estimates.CrossEntropy:R} {estimates.BitsPerByte:R}",
                    $"{again.Metrics.Estimates!.CrossEntropy:R} {again.Metrics.Estimates.BitsPerByte:R}");
                string text = document.Index == 0 ? TinyModels.Text(3000, 1) : TinyModels.Text(1500, 2);
                Assert.Equal(Flat(estimates), Flat(new TextScorer(_model, scoring).Score(text, Cancellation).Estimates!));
            }
        }
    }

    // The linearized variance of a ratio of sums, Σ (loss − ratio · tokens)² · n / (n − 1) / tokens², is what the bootstrap approaches.
    [Fact]
    public void The_standard_error_is_that_of_a_ratio()
    {
        var documents = new CorpusEvaluator(_model).EvaluateDocuments(TestCorpora.Mixed, cancellationToken: Cancellation)
            .Select(document => document.Metrics).Where(metrics => metrics.TokenCount is > 0 and < 100).ToArray();
        var total = LanguageModelMetrics.MergeDocuments(documents);
        var estimates = total.Estimates!;
        Assert.Equal((documents.Length, null), (estimates.UnitCount, estimates.BlockLength));
        Check(estimates.CrossEntropy, metrics => metrics.Loss.Sum, metrics => metrics.TokenCount);
        Check(estimates.BitsPerByte, metrics => metrics.Loss.Sum / Math.Log(2), metrics => metrics.ByteCount);
        Check(estimates.BitsPerCharacter, metrics => metrics.Loss.Sum / Math.Log(2), metrics => metrics.CharacterCount);
        Check(estimates.Top1Accuracy, metrics => metrics.Top1Count, metrics => metrics.TokenCount);
        Check(estimates.Top5Accuracy, metrics => metrics.Top5Count, metrics => metrics.TokenCount);
        Assert.Equal(total.Perplexity, estimates.Perplexity.Value, 1e-9);
        Assert.Equal(Math.Exp(estimates.CrossEntropy.Lower), estimates.Perplexity.Lower);
        Assert.Equal(total.WordPerplexity, estimates.WordPerplexity.Value, 1e-9 * total.WordPerplexity);
        Assert.Equal(total.BytePerplexity, estimates.BytePerplexity.Value, 1e-9);
        Assert.Equal(total.BitsPerToken, estimates.BitsPerToken.Value, 1e-9);

        void Check(Estimate estimate, Func<LanguageModelMetrics, double> numerator, Func<LanguageModelMetrics, double> denominator)
        {
            double size = documents.Sum(denominator), ratio = documents.Sum(numerator) / size, n = documents.Length;
            double squares = documents.Sum(metrics => Math.Pow(numerator(metrics) - (ratio * denominator(metrics)), 2));
            Assert.Equal(ratio, estimate.Value, 1e-9);
            double error = Math.Sqrt(squares * n / (n - 1)) / size;
            Assert.InRange(estimate.StandardError / error, 0.95, 1.05);
            Assert.InRange((estimate.Upper - estimate.Lower) / (2 * 1.96 * error), 0.93, 1.1);
        }
    }

    [Fact]
    public void Many_units_share_groups_and_give_the_same_standard_error()
    {
        var random = new Random(1);
        LanguageModelMetrics[] documents = [.. Enumerable.Range(0, 20_000).Select(_ => Score((random.NextDouble() * 40) + 80, 50))];
        var estimate = LanguageModelMetrics.MergeDocuments(documents).Estimates!;
        double deviation = 40 / Math.Sqrt(12) / 50;
        Assert.Equal(20_000, estimate.UnitCount);
        Assert.InRange(estimate.CrossEntropy.StandardError / (deviation / Math.Sqrt(20_000)), 0.95, 1.05);
    }

    [Fact]
    public void Small_texts_and_anonymous_sums_have_no_interval()
    {
        LanguageModelMetrics[] nine = [.. Enumerable.Range(0, 9).Select(i => Score(100 + i, 50))];
        Assert.Null(LanguageModelMetrics.MergeDocuments(nine).Estimates);
        var ten = LanguageModelMetrics.MergeDocuments([.. nine, Score(120, 50)]);
        Assert.Equal((10, 128), (ten.Estimates!.UnitCount, ten.Estimates.BlockLength));
        Assert.Null((ten + ten).Estimates);
        Assert.Null(LanguageModelMetrics.Merge([.. nine, .. nine]).Estimates);
        var infinite = LanguageModelMetrics.MergeDocuments([.. nine, Score(double.PositiveInfinity, 50)]).Estimates!;
        Assert.Equal((double.PositiveInfinity, double.NaN), (infinite.CrossEntropy.Value, infinite.CrossEntropy.Upper));
        Assert.Matches(new Regex(@"^2\.\d{4} ± 0\.\d{4} \(95 % 2\.\d{4} to 2\.\d{4}\) nats per token, perplexity "), ten.ToString());
    }

    [Fact]
    public void The_confidence_and_the_seed_can_be_chosen()
    {
        var metrics = LanguageModelMetrics.MergeDocuments(Enumerable.Range(0, 40).Select(i => Score(100 + (i * 7 % 40), 50)));
        var wide = metrics.Estimate(new() { Confidence = 0.99, Seed = 3 })!;
        Assert.True(wide.CrossEntropy.Lower < metrics.Estimates!.CrossEntropy.Lower);
        Assert.Equal((0.99, 0.99, 3), (wide.CrossEntropy.Confidence, wide.Options.Confidence, wide.Options.Seed));
        Assert.Equal(Flat(metrics.Estimates), Flat(metrics.Estimate(new())!));
        Assert.NotEqual(Flat(metrics.Estimates), Flat(metrics.Estimate(new() { Seed = 2 })!));
    }

    [Fact]
    public void A_file_of_version_2_has_intervals_of_greater_blocks()
    {
        var evaluator = new CorpusEvaluator(_model, new() { Stride = 5 });
        string file = evaluator.Evaluate(Long, _folder.Path, cancellationToken: Cancellation).ResultFile!;
        WriteAsVersion2(file);
        var old = CorpusResults.Merge([file]).Metrics;
        Assert.InRange(old.Estimates!.UnitCount, 10, 30); // chunks
        Assert.Equal(Flat(old.Estimates), Flat(evaluator.Evaluate(Long, _folder.Path, cancellationToken: Cancellation).Metrics.Estimates!));

        string[] lines = File.ReadAllLines(file);
        File.WriteAllLines(file, lines[..4]);
        Assert.Equal(Flat(old.Estimates), Flat(evaluator.Evaluate(Long, _folder.Path, cancellationToken: Cancellation).Metrics.Estimates!));
        Assert.Equal(lines, File.ReadAllLines(file));
    }

    private static void WriteAsVersion2(string file)
    {
        using var stream = new MemoryStream(File.ReadAllBytes(file));
        byte[][] lines = [.. ResultLines.Read(stream, file).Select(read => ResultLines.Write(Old(read.Line), 2))];
        File.WriteAllBytes(file, [.. lines.SelectMany(line => line)]);

        static ResultLine Old(ResultLine line) => line with
        {
            Header = line.Header is { } header ? header with { Version = 2 } : null,
            Piece = line.Piece is { } chunk
                ? chunk with { Documents = [.. chunk.Documents.Select(span => span with { FirstBlock = null, Blocks = null })] }
                : null,
        };
    }

    private static LanguageModelMetrics Score(double nats, int tokens) =>
        new(LossSummary.Of(nats, tokens), 61) { ByteCount = 4 * tokens, CharacterCount = 4 * tokens, DocumentCount = 1 };

    private static string Flat(LossEstimates estimates)
    {
        Estimate[] all =
        [
            estimates.CrossEntropy, estimates.Perplexity, estimates.BitsPerToken, estimates.BitsPerByte, estimates.BitsPerCharacter,
            estimates.BytePerplexity, estimates.WordPerplexity, estimates.Top1Accuracy, estimates.Top5Accuracy,
        ];
        return $"{estimates.UnitCount} {estimates.BlockLength} "
            + string.Join(' ', all.Select(estimate => estimate.ToString("R", CultureInfo.InvariantCulture)));
    }
}
