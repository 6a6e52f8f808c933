namespace MLNet.Gpt.Tests.Evaluation;

public sealed class DivergenceEvaluatorTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();
    private readonly GptModel _reference = TinyModels.Create(seed: 1), _model = TinyModels.Create(seed: 2);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _reference.Dispose();
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Identical_models_do_not_diverge_at_all()
    {
        using var same = TinyModels.Create(seed: 1);
        var divergence = new DivergenceEvaluator(_reference, same).Evaluate(TestCorpora.Mixed, cancellationToken: Cancellation);

        Assert.True(divergence.TokenCount > 2000);
        Assert.Equal("0 0 0 0", Text(divergence.Mean));
        Assert.Equal((0, 0, 0), (divergence.Minimum, divergence.Median, divergence.Maximum));
        Assert.Equal("0 0 0 0", Text(divergence.ProbabilityChange));
        Assert.Equal("0 0 0 0", Text(divergence.RootMeanSquareChange));
        Assert.Equal((0, 0), (divergence.ProbabilityChangeQuantile(0), divergence.ProbabilityChangeQuantile(1)));
        Assert.Equal((1, 0, 1), (divergence.SameTop.Value, divergence.SameTop.StandardError, divergence.SameTop.Upper));
        Assert.Equal(1, divergence.Correlation);
        Assert.Equal("0 0 0 0", Text(divergence.LossDifference));
        Assert.Equal("1 0 1 1", Text(divergence.PerplexityRatio));
        Assert.Equal(
            "KL 0.000000 ± 0.000000 nats per token, same top token 100.00 %, "
            + FormattableString.Invariant($"{divergence.TokenCount:N0} tokens"),
            divergence.ToString());
    }

    [Fact]
    public void A_model_does_not_diverge_from_itself()
    {
        var divergence = new DivergenceEvaluator(_model, _model).Evaluate(TestCorpora.Mixed, cancellationToken: Cancellation);
        Assert.Equal((0, 1), (divergence.Maximum, divergence.SameTop.Value));
    }

    [Fact]
    public void Figures_are_those_of_their_definitions()
    {
        var random = new Random(5);
        int length = _model.Config.ContextLength;
        int[][] inputs = [.. Enumerable.Range(0, 40).Select(i => Ids(1 + (i % length)))];
        int[][] targets = [.. inputs.Select(row => Array.ConvertAll(row, _ => random.Next(4) == 0 ? -1 : random.Next(61)))];
        var expected = new List<(double Kl, double Loss, double ReferenceLoss, bool SameTop)>();
        for (int row = 0; row < inputs.Length; row++)
        {
            var (p, q) = (LogProbabilities(_reference, inputs[row]), LogProbabilities(_model, inputs[row]));
            for (int i = 0; i < targets[row].Length; i++)
            {
                if (targets[row][i] is var target and >= 0)
                {
                    double kl = p[i].Zip(q[i]).Sum(pair => Math.Exp(pair.First) * (pair.First - pair.Second));
                    expected.Add((kl, -q[i][target], -p[i][target], TopOf(p[i]) == TopOf(q[i])));
                }
            }
        }

        var divergence = new DivergenceEvaluator(_reference, _model).EvaluateBatch(inputs, targets, Cancellation);

        int n = expected.Count;
        double[] kls = [.. expected.Select(each => each.Kl).Order()];
        double[] changes = [.. expected.Select(each => Math.Exp(-each.Loss) - Math.Exp(-each.ReferenceLoss)).Order()];
        double[] differences = [.. expected.Select(each => each.Loss - each.ReferenceLoss)];
        Assert.Equal(n, divergence.TokenCount);
        Near(kls.Average(), divergence.Mean.Value);
        Near(StandardError(kls), divergence.Mean.StandardError);
        Near(kls[0], divergence.Minimum);
        Near(kls[^1], divergence.Maximum);
        foreach (double fraction in (double[])[0.001, 0.05, 0.5, 0.9, 0.99, 0.999])
        {
            Near(Quantile(kls, fraction), divergence.Quantile(fraction), 1.3e-4);
            Near(Quantile(changes, fraction), divergence.ProbabilityChangeQuantile(fraction), 1.3e-4);
        }

        Assert.Equal(divergence.Quantile(0.5), divergence.Median);
        Near(changes.Average(), divergence.ProbabilityChange.Value);
        Near(StandardError(changes), divergence.ProbabilityChange.StandardError);
        double root = Math.Sqrt(changes.Average(change => change * change));
        Near(root, divergence.RootMeanSquareChange.Value);
        Near(StandardError([.. changes.Select(change => change * change)]) / (2 * root), divergence.RootMeanSquareChange.StandardError);
        Assert.Equal(expected.Count(each => each.SameTop), divergence.SameTopCount);
        Assert.Equal((double)divergence.SameTopCount / n, divergence.SameTop.Value);
        Near(differences.Average(), divergence.LossDifference.Value);
        Near(StandardError(differences), divergence.LossDifference.StandardError);
        Near(Math.Exp(differences.Average()), divergence.PerplexityRatio.Value);
        Near(
            Correlation([.. expected.Select(each => each.Loss)], [.. expected.Select(each => each.ReferenceLoss)]),
            divergence.Correlation);
        Near(expected.Average(each => each.Loss), divergence.Model.CrossEntropy);
        Near(expected.Average(each => each.ReferenceLoss), divergence.Reference.CrossEntropy);

        int[] Ids(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(61))];
    }

    [Fact]
    public void Losses_are_those_that_each_model_has_alone()
    {
        var scoring = new ScoringOptions { Stride = 4, PrependEndOfText = true };
        var divergence = new DivergenceEvaluator(_reference, _model, scoring).Evaluate(TestCorpora.Mixed, cancellationToken: Cancellation);
        foreach (var (model, metrics, statistics) in (ReadOnlySpan<(GptModel, LanguageModelMetrics, TokenStatistics)>)
            [(_reference, divergence.Reference, divergence.ReferenceStatistics), (_model, divergence.Model, divergence.ModelStatistics)])
        {
            var alone = new CorpusEvaluator(model, scoring).Evaluate(TestCorpora.Mixed, cancellationToken: Cancellation);
            Assert.Equal(alone.Metrics.ToExactString(), metrics.ToExactString());
            Assert.Equal(alone.Statistics.ToExactString(), statistics.ToExactString());
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 1024)]
    [InlineData(2, 200)]
    [InlineData(3, 5000)]
    public void Threads_and_batches_do_not_change_a_bit(int threads, int batch)
    {
        string expected = Text(new DivergenceEvaluator(_reference, _model).Evaluate(TestCorpora.Mixed, cancellationToken: Cancellation));
        var options = new GptModelOptions { ThreadCount = threads };
        using var reference = GptModel.FromWeights(_reference, TinyModels.Words, options, cancellationToken: Cancellation);
        using var model = GptModel.FromWeights(_model, TinyModels.Words, options, cancellationToken: Cancellation);
        var evaluator = new DivergenceEvaluator(reference, model, options: new() { BatchTokenCount = batch });
        Assert.Equal(expected, Text(evaluator.Evaluate(TestCorpora.Mixed, cancellationToken: Cancellation)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(40)] // more shards than chunks
    public void Shards_merge_into_the_whole_to_the_last_bit(int count)
    {
        var evaluator = new DivergenceEvaluator(_reference, _model);
        string whole = Text(evaluator.Evaluate(TestCorpora.Mixed, cancellationToken: Cancellation));
        string[] files =
        [
            .. CorpusShard.Split(count).Reverse().Select(shard =>
                evaluator.Evaluate(TestCorpora.Mixed, _folder.Path, shard, cancellationToken: Cancellation).ResultFile!),
        ];
        Assert.Equal(whole, Text(ModelDivergence.Merge(files)));
        Assert.Equal(evaluator.ResultFile(TestCorpora.Mixed, _folder.Path, new(count - 1, count)), files[0]);
    }

    [Fact]
    public void An_interrupted_comparison_resumes_where_it_stopped_and_leaves_the_same_file()
    {
        using var other = new TemporaryDirectory();
        var evaluator = new DivergenceEvaluator(_reference, _model);
        var whole = evaluator.Evaluate(TestCorpora.Mixed, other.Path, cancellationToken: Cancellation);

        using (var source = CancellationTokenSource.CreateLinkedTokenSource(Cancellation))
        {
            Assert.ThrowsAny<OperationCanceledException>(() => evaluator.Evaluate(
                TestCorpora.Mixed, _folder.Path, default, TestCorpora.Progress(_ => source.Cancel()), source.Token));
        }

        string file = Assert.Single(Directory.GetFiles(_folder.Path));
        var incomplete = Assert.Throws<InvalidDataException>(() => ModelDivergence.Merge([file]));
        Assert.Contains("interrupted", incomplete.Message, StringComparison.Ordinal);
        int chunks = 0;
        var resumed = evaluator.Evaluate(TestCorpora.Mixed, _folder.Path, default, TestCorpora.Progress(_ => chunks++), Cancellation);
        Assert.True(chunks > 0 && chunks < File.ReadLines(file).Count() - 2);
        Assert.Equal(Text(whole), Text(resumed));
        Assert.Equal(File.ReadAllBytes(whole.ResultFile!), File.ReadAllBytes(file));
        Assert.Equal(file, resumed.ResultFile);
        Assert.Equal(
            whole.Model.ToExactString(), CorpusResults.Merge([file]).Metrics.ToExactString()); // it is a measurement of the model, too
    }

    [Fact]
    public void Results_of_one_model_are_no_comparison()
    {
        var alone = new CorpusEvaluator(_model).Evaluate(TestCorpora.Mixed, _folder.Path, cancellationToken: Cancellation);
        var refused = Assert.Throws<ArgumentException>(() => ModelDivergence.Merge([alone.ResultFile!]));
        Assert.Contains("has the results of one model", refused.Message, StringComparison.Ordinal);

        var pair = new DivergenceEvaluator(_reference, _model).Evaluate(TestCorpora.Mixed, _folder.Path, cancellationToken: Cancellation);
        Assert.NotEqual(alone.ResultFile, pair.ResultFile);
    }

    [Fact]
    public void Models_of_different_vocabularies_are_refused_by_name()
    {
        string[] words = [.. Enumerable.Range(0, 60).Select(i => i == 7 ? "seven" : $"w{i}"), "<|endoftext|>"];
        using var renamed = TinyModels.Create(new WordTokenizer(words, endOfText: "<|endoftext|>"));
        var refused = Assert.Throws<ArgumentException>(() => new DivergenceEvaluator(_reference, renamed));
        Assert.Equal("model", refused.ParamName);
        Assert.Contains("id 7 is 'w7' for the reference and 'seven' for the model", refused.Message, StringComparison.Ordinal);

        var smaller = GptPresets.Tiny with { VocabularySize = 60 };
        using var other = GptModel.FromWeights(
            TinyModels.Weights(smaller, 1), new WordTokenizer([.. Enumerable.Range(0, 60).Select(i => $"w{i}")]),
            cancellationToken: Cancellation);
        refused = Assert.Throws<ArgumentException>(() => new DivergenceEvaluator(_reference, other));
        Assert.Contains("predicts 61 tokens and the model 60", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Windows_are_those_of_the_shorter_context()
    {
        var shorter = GptPresets.Tiny with { ContextLength = 5 };
        using var model = GptModel.FromWeights(TinyModels.Weights(shorter, 3), TinyModels.Words, cancellationToken: Cancellation);
        var divergence = new DivergenceEvaluator(_reference, model).Evaluate(TestCorpora.Mixed, cancellationToken: Cancellation);
        var ofFive = new CorpusEvaluator(_reference, new() { WindowLength = 5 });
        var alone = ofFive.Evaluate(TestCorpora.Mixed, cancellationToken: Cancellation);
        Assert.Equal(alone.Metrics.ToExactString(), divergence.Reference.ToExactString());
        Assert.Throws<ArgumentException>(() => new DivergenceEvaluator(_reference, model, new() { WindowLength = 6 }));
        Assert.Throws<ArgumentException>(() => new DivergenceEvaluator(model, _reference, new() { WindowLength = 6 }));
        int[][] row = [[1, 2, 3, 4, 5, 6]];
        Assert.Throws<ArgumentException>(() => new DivergenceEvaluator(_reference, model).EvaluateBatch(row, row, Cancellation));
    }

    [Theory]
    [InlineData(WeightPrecision.BFloat16)]
    [InlineData(WeightPrecision.Int8)]
    [InlineData(WeightPrecision.Int4)]
    public void A_rounded_model_diverges_a_little(WeightPrecision precision)
    {
        using var rounded = GptModel.FromWeights(
            _reference, TinyModels.Words, new GptModelOptions { Precision = precision }, cancellationToken: Cancellation);
        var divergence = new DivergenceEvaluator(_reference, rounded).Evaluate(TestCorpora.Mixed, cancellationToken: Cancellation);
        Assert.InRange(divergence.Mean.Value, 1e-9, 0.05);
        Assert.InRange(divergence.Minimum, 0, divergence.Median);
        Assert.InRange(divergence.SameTop.Value, 0.8, 1);
        Assert.True(divergence.WithConfidence(0.99).Mean.Upper > divergence.Mean.Upper);
    }

    [Fact]
    public void Memory_does_not_grow_with_the_corpus()
    {
        var evaluator = new DivergenceEvaluator(_reference, _model);
        var corpus = Corpus.FromDocuments(Enumerable.Range(0, 400).Select(i => new CorpusDocument($"{i}", TinyModels.Text(250, i))));
        long early = 0, late = 0;
        int reports = 0;
        evaluator.Evaluate(corpus, TestCorpora.Progress(_ =>
        {
            // The histograms have most of their buckets after some thousand tokens.
            if (++reports == 30) early = GC.GetTotalMemory(forceFullCollection: true);
            if (reports is 90) late = GC.GetTotalMemory(forceFullCollection: true);
        }), Cancellation);
        Assert.True(late > 0);
        Assert.InRange(late - early, long.MinValue, 12 << 20); // the logits of both models would be 30 MB
    }

    [Fact]
    public async Task A_disposed_or_canceled_comparison_ends()
    {
        var evaluator = new DivergenceEvaluator(_reference, _model);
        using var canceled = new CancellationTokenSource();
        await canceled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => evaluator.EvaluateAsync(TestCorpora.Mixed, cancellationToken: canceled.Token));
        _reference.Dispose();
        Assert.Throws<ObjectDisposedException>(() => evaluator.Evaluate(TestCorpora.Mixed, cancellationToken: Cancellation));
    }

    [Fact]
    public void A_text_without_targets_has_no_figures()
    {
        var divergence = new DivergenceEvaluator(_reference, _model).Evaluate(Corpus.FromTexts([""]), cancellationToken: Cancellation);
        Assert.Equal(0, divergence.TokenCount);
        Assert.True(double.IsNaN(divergence.Mean.Value) && double.IsNaN(divergence.Median) && double.IsNaN(divergence.SameTop.Value));
    }

    private static string Text(ModelDivergence divergence) => FormattableString.Invariant(
        $"{divergence.TokenCount} {Text(divergence.Mean)} {divergence.Median:R} {divergence.Quantile(0.99):R} {divergence.Maximum:R} ")
        + FormattableString.Invariant($"{Text(divergence.ProbabilityChange)} {Text(divergence.RootMeanSquareChange)} ")
        + FormattableString.Invariant($"{divergence.ProbabilityChangeQuantile(0.01):R} {divergence.SameTopCount} ")
        + FormattableString.Invariant($"{divergence.Correlation:R} ")
        + $"{Text(divergence.LossDifference)} {divergence.Reference.ToExactString()} {divergence.Model.ToExactString()} "
        + $"{divergence.ReferenceStatistics.ToExactString()} {divergence.ModelStatistics.ToExactString()}";

    private static string Text(Estimate estimate) =>
        FormattableString.Invariant($"{estimate.Value:R} {estimate.StandardError:R} {estimate.Lower:R} {estimate.Upper:R}");

    private static double[][] LogProbabilities(GptModel model, int[] ids)
    {
        float[] logits = model.ComputeLogits(ids, Cancellation);
        return [.. logits.Chunk(model.Config.VocabularySize).Select(row =>
        {
            double greatest = row.Max(), sum = Math.Log(row.Sum(logit => Math.Exp(logit - greatest)));
            return row.Select(logit => logit - greatest - sum).ToArray();
        })];
    }

    private static int TopOf(double[] row) => Array.IndexOf(row, row.Max());

    private static double StandardError(double[] values)
    {
        double mean = values.Average();
        return Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Length - 1) / values.Length);
    }

    private static double Quantile(double[] sorted, double fraction)
    {
        double position = fraction * (sorted.Length - 1);
        int below = (int)position;
        return sorted[below] + ((position - below) * (sorted[Math.Min(below + 1, sorted.Length - 1)] - sorted[below]));
    }

    private static double Correlation(double[] x, double[] y)
    {
        double mx = x.Average(), my = y.Average();
        return x.Zip(y).Sum(pair => (pair.First - mx) * (pair.Second - my))
            / Math.Sqrt(x.Sum(value => (value - mx) * (value - mx)) * y.Sum(value => (value - my) * (value - my)));
    }

    private static void Near(double expected, double actual, double relative = 1e-5) =>
        Assert.InRange(actual, expected - (Math.Abs(expected) * relative) - 1e-8, expected + (Math.Abs(expected) * relative) + 1e-8);
}
