using MLNet.Gpt.Evaluation.Metrics;

namespace MLNet.Gpt.Tests.Evaluation;

public sealed class CorpusEvaluatorTests : IDisposable
{
    private static readonly ScoringOptions Strided = new() { Stride = 5, PrependEndOfText = true };

    private readonly GptModel _model = TinyModels.Create();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _model.Dispose();

    public static TheoryData<DocumentBoundaries, bool, int> Settings => new()
    {
        { DocumentBoundaries.Separate, false, 16 },
        { DocumentBoundaries.Separate, true, 5 },
        { DocumentBoundaries.Joined, false, 7 },
        { DocumentBoundaries.Joined, true, 16 },
        { DocumentBoundaries.JoinedByEndOfText, false, 16 },
        { DocumentBoundaries.JoinedByEndOfText, true, 3 },
    };

    [Theory]
    [MemberData(nameof(Settings))]
    public void Its_sums_equal_those_of_the_same_ids_scored_at_once(DocumentBoundaries boundaries, bool startToken, int stride)
    {
        var options = new ScoringOptions { Documents = boundaries, PrependEndOfText = startToken, Stride = stride };
        var result = Evaluate(options);

        var scorer = new TextScorer(_model, options);
        var expected = new LanguageModelMetrics(LossSummary.Empty, _model.Config.VocabularySize);
        var texts = TestCorpora.Mixed.Documents.Select(document => document.Text).ToArray();
        if (boundaries == DocumentBoundaries.Separate)
        {
            foreach (string text in texts) expected += scorer.Score(text, Cancellation);
            Assert.Equal(expected.ToExactString(), result.Metrics.ToExactString());
        }
        else
        {
            int end = _model.Tokenizer.EndOfTextId!.Value;
            IEnumerable<int> joined = texts.SelectMany(text =>
            {
                int[] ids = _model.Tokenizer.Encode(text);
                return boundaries == DocumentBoundaries.Joined ? ids : [.. ids, end];
            });
            int[] all = startToken ? [end, .. joined] : [.. joined];
            var loss = LossSummary.Empty;
            foreach (var score in scorer.ScoreIds(all, Cancellation)) loss += LossSummary.Of(score.NegativeLogLikelihood);
            Assert.Equal(loss, result.Metrics.Loss);

            // In joined documents every word is predicted, except the first one without a start token.
            long words = texts.Sum(text => TextSize.CountWords(text)) - (
                startToken || boundaries == DocumentBoundaries.JoinedByEndOfText ? 0 : 1);
            Assert.Equal(words, result.Metrics.WordCount);
        }

        Assert.Equal(texts.Length, result.Metrics.DocumentCount);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(17, 1)]
    [InlineData(100, 2)]
    [InlineData(100_000, 2)]
    public void The_figure_is_the_same_for_any_batch_size_and_thread_count(int batchTokens, int threads)
    {
        using var model = GptModel.FromWeights(TinyModels.Weights(GptPresets.Tiny, 1), TinyModels.Words, new() { ThreadCount = threads });
        var options = new CorpusOptions { BatchTokenCount = batchTokens, Tokens = new() { Entropy = true, CandidateCount = 2 } };
        var documents = new CorpusEvaluator(model, Strided, options)
            .EvaluateDocuments(TestCorpora.Mixed, cancellationToken: Cancellation)
            .ToArray();
        var expected = new CorpusEvaluator(_model, Strided, options with { BatchTokenCount = 1024 })
            .EvaluateDocuments(TestCorpora.Mixed, cancellationToken: Cancellation)
            .ToArray();

        Assert.Equal(
            expected.Select(document => document.Metrics.ToExactString()),
            documents.Select(document => document.Metrics.ToExactString()));
        foreach (var (left, right) in
            expected.SelectMany(document => document.Tokens).Zip(documents.SelectMany(document => document.Tokens)))
        {
            Assert.Equal(TestCorpora.Flat(left), TestCorpora.Flat(right));
        }
    }

    [Fact]
    public void The_figure_is_the_same_in_any_order_of_the_documents()
    {
        var shuffled = Corpus.FromDocuments([.. TestCorpora.Mixed.Documents.OrderBy(document => document.Text.Length * 7919 % 101)]);

        Assert.Equal(
            Evaluate(Strided).Metrics.ToExactString(),
            new CorpusEvaluator(_model, Strided).Evaluate(shuffled, cancellationToken: Cancellation).Metrics.ToExactString());
    }

    [Fact]
    public void Documents_are_returned_in_order_with_their_own_scores_and_all_of_their_text()
    {
        var documents = new CorpusEvaluator(_model, Strided, new() { Tokens = new() })
            .EvaluateDocuments(TestCorpora.Mixed, cancellationToken: Cancellation)
            .ToArray();

        var scorer = new TextScorer(_model, Strided);
        Assert.Equal(TestCorpora.Mixed.Documents.Select(document => document.Name), documents.Select(document => document.Name));
        foreach (var (source, document) in TestCorpora.Mixed.Documents.Zip(documents))
        {
            Assert.Equal(scorer.Score(source.Text, Cancellation).ToExactString(), document.Metrics.ToExactString());
            Assert.Equal(source.Text, string.Concat(document.Tokens.Select(token => token.Text)));
            Assert.All(document.Tokens, token => Assert.Equal(token.Text, source.Text.Substring(token.Start, token.Length)));
            Assert.Equal(Enumerable.Range(0, document.Tokens.Count), document.Tokens.Select(token => token.Position));
        }
    }

    [Fact]
    public void A_long_document_comes_in_parts_as_soon_as_they_are_measured()
    {
        var corpus = Corpus.FromTexts([TinyModels.Text(5000, 1), .. Enumerable.Range(2, 3).Select(i => TinyModels.Text(10, i))]);
        int measured = 0;
        var evaluator = new CorpusEvaluator(_model, options: new() { Tokens = new() });
        var reports = new List<EvaluationProgress>();
        var parts = new List<DocumentResult>();
        foreach (var part in evaluator.EvaluateParts(corpus, TestCorpora.Progress(reports.Add), Cancellation))
        {
            if (parts.Count == 0) measured = reports.Count;
            parts.Add(part);
        }

        Assert.Equal(1, measured);
        Assert.True(parts.Count(part => part.Index == 0) > 3);
        var documents = evaluator.EvaluateDocuments(corpus, cancellationToken: Cancellation).ToArray();
        Assert.Equal(documents.Length, parts[^1].Index + 1);
        foreach (var document in documents)
        {
            var own = parts.Where(part => part.Index == document.Index).ToArray();
            Assert.Equal(
                document.Metrics.ToExactString(), LanguageModelMetrics.Merge(own.Select(part => part.Metrics)).ToExactString());
            Assert.Equal(
                document.Tokens.Select(TestCorpora.Flat), own.SelectMany(part => part.Tokens).Select(TestCorpora.Flat));
            Assert.Equal(document.FirstToken, own[0].FirstToken);
            Assert.All(own[1..], part => Assert.Null(part.FirstToken));
        }
    }

    [Fact]
    public void Statistics_equal_those_of_the_individual_tokens()
    {
        var documents = new CorpusEvaluator(_model, Strided, new() { Tokens = new() }).EvaluateDocuments(
            TestCorpora.Mixed, cancellationToken: Cancellation);
        ScoredToken[] tokens = [.. documents.SelectMany(document => document.Tokens)];
        var statistics = Evaluate(Strided).Statistics;

        Assert.Equal(tokens.Length, statistics.Calibration.Bins.Sum(bin => bin.Count));
        Assert.Equal(tokens.Count(token => token.Rank == 0), statistics.Calibration.Bins.Sum(bin => bin.HitCount));
        double error = 0;
        foreach (var bin in statistics.Calibration.Bins)
        {
            var inBin = tokens.Where(token => Math.Exp(token.TopLogProbability) is var p && p > bin.LowerBound && p <= bin.UpperBound)
                .ToArray();
            Assert.Equal(inBin.Length, bin.Count);
            if (inBin.Length == 0) continue;
            double mean = inBin.Average(token => Math.Exp(token.TopLogProbability)),
                hits = inBin.Count(token => token.Rank == 0) / (double)inBin.Length;
            Assert.Equal(mean, bin.MeanProbability, 1e-8);
            error += Math.Abs(mean - hits) * inBin.Length / tokens.Length;
        }

        Assert.Equal(error, statistics.Calibration.ExpectedError, 1e-8);
        Assert.All(
            statistics.SurprisalHistogram,
            bin => Assert.Equal(tokens.Count(token => token.Bits >= bin.LowerBound && token.Bits < bin.UpperBound), bin.Count));
        Assert.Equal([(1, 1), (2, 2), (3, 4), (5, 8), (9, 16)], statistics.ByContext.Select(part => (part.MinContext, part.MaxContext)));
        Assert.All(statistics.ByContext, part => Assert.Equal(
            tokens.Where(token => token.ContextCount >= part.MinContext && token.ContextCount <= part.MaxContext)
                .Sum(token => (double)token.NegativeLogLikelihood),
            part.Loss.Sum, 1e-9));
    }

    [Fact]
    public void Progress_ends_at_1_and_with_the_result()
    {
        var reports = new List<EvaluationProgress>();
        var result = new CorpusEvaluator(_model, Strided).Evaluate(TestCorpora.Mixed, TestCorpora.Progress(reports.Add), Cancellation);

        Assert.True(reports.Count > 3);
        Assert.Equal(reports.OrderBy(report => report.Fraction), reports);
        Assert.InRange(reports[0].Fraction, 0.001, 0.9);
        Assert.All(reports, report => Assert.True(report.TokensPerSecond > 0 && report.TimeLeft >= TimeSpan.Zero));
        Assert.Equal(1, reports[^1].Fraction);
        Assert.Equal(TimeSpan.Zero, reports[^1].TimeLeft);
        Assert.Equal(result.Metrics.ToExactString(), reports[^1].Metrics.ToExactString());
    }

    [Fact]
    public void An_exception_while_reading_a_document_reaches_the_caller()
    {
        var corpus = Corpus.FromDocuments(
            TestCorpora.Mixed.Documents.Concat(
                Enumerable.Range(0, 1).Select<int, CorpusDocument>(_ => throw new FileNotFoundException("gone"))));

        Assert.Throws<FileNotFoundException>(() => new CorpusEvaluator(_model).Evaluate(corpus, cancellationToken: Cancellation));
    }

    [Fact]
    public void Cancellation_stops_it()
    {
        using var source = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        Assert.ThrowsAny<OperationCanceledException>(() =>
            new CorpusEvaluator(_model).Evaluate(TestCorpora.Mixed, TestCorpora.Progress(_ => source.Cancel()), source.Token));
    }

    [Fact]
    public async Task The_async_forms_give_the_same_and_can_be_canceled()
    {
        var evaluator = new CorpusEvaluator(_model, Strided);
        var expected = evaluator.Evaluate(TestCorpora.Mixed, cancellationToken: Cancellation);
        var reports = new List<EvaluationProgress>();
        var result = await evaluator.EvaluateAsync(TestCorpora.Mixed, TestCorpora.Progress(reports.Add), Cancellation);
        Assert.Equal(expected.Metrics.ToExactString(), result.Metrics.ToExactString());
        Assert.Equal(1, reports[^1].Fraction);

        var documents = new List<DocumentResult>();
        await foreach (var document in evaluator.EvaluateDocumentsAsync(TestCorpora.Mixed, cancellationToken: Cancellation))
        {
            documents.Add(document);
        }

        Assert.Equal(
            expected.Metrics.ToExactString(),
            LanguageModelMetrics.Merge(documents.Select(document => document.Metrics)).ToExactString());

        using var folder = new TemporaryDirectory();
        var shard = await evaluator.EvaluateAsync(TestCorpora.Mixed, folder.Path, cancellationToken: Cancellation);
        Assert.Equal(expected.Metrics.ToExactString(), shard.Metrics.ToExactString());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => evaluator.EvaluateAsync(TestCorpora.Mixed, cancellationToken: new(canceled: true)));
    }

    private CorpusEvaluation Evaluate(ScoringOptions options) =>
        new CorpusEvaluator(_model, options).Evaluate(TestCorpora.Mixed, cancellationToken: Cancellation);
}
