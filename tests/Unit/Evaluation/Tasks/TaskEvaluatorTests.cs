using MLNet.Gpt.Evaluation.Tasks;

namespace MLNet.Gpt.Tests.Evaluation.Tasks;

public sealed class TaskEvaluatorTests : IDisposable
{
    private readonly GptModel _model = TinyModels.Create();
    private readonly TemporaryDirectory _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Figures_are_those_of_lm_evaluation_harness()
    {
        var questions = Questions(60);
        var evaluation = new TaskEvaluator(_model).Evaluate(questions, cancellationToken: Cancellation);
        var scorer = new ContinuationScorer(_model);
        int right = 0, perCharacter = 0, perByte = 0, perToken = 0;
        double brier = 0, loss = 0, chance = 0;
        foreach (var question in questions)
        {
            // process_results of lm-evaluation-harness.
            var scores = scorer.Score(question.Choices, Cancellation);
            double[] likelihoods = [.. scores.Select(score => score.LogLikelihood)];
            right += ArgMax(likelihoods) == question.Answer ? 1 : 0;
            perCharacter += ArgMax([.. likelihoods.Select((value, i) =>
                value / question.Choices[i].Text.Length)]) == question.Answer ? 1 : 0;
            perByte += ArgMax([.. likelihoods.Select((value, i) =>
                value / System.Text.Encoding.UTF8.GetByteCount(question.Choices[i].Text))]) == question.Answer ? 1 : 0;
            perToken += ArgMax([.. likelihoods.Select((value, i) => value / scores[i].TokenCount)]) == question.Answer ? 1 : 0;
            double[] exponentials = [.. likelihoods.Select(value => Math.Exp(value - likelihoods.Max()))];
            brier += exponentials.Select((value, i) => Math.Pow((value / exponentials.Sum()) - (i == question.Answer ? 1 : 0), 2)).Sum();
            loss -= likelihoods[question.Answer!.Value];
            chance += 1.0 / likelihoods.Length;
        }

        var metrics = evaluation.Metrics;
        Assert.Equal((60, 60), (metrics.QuestionCount, metrics.AnsweredCount));
        Assert.Equal((double)right / 60, metrics.Accuracy.Value, 1e-12);
        Assert.Equal((double)perCharacter / 60, metrics.AccuracyPerCharacter.Value, 1e-12);
        Assert.Equal((double)perByte / 60, metrics.AccuracyPerByte.Value, 1e-12);
        Assert.Equal((double)perToken / 60, metrics.AccuracyPerToken.Value, 1e-12);
        Assert.Equal(brier / 60, metrics.BrierScore.Value, 1e-9);
        Assert.Equal(Math.Exp(loss / 60), metrics.Perplexity.Value, 1e-6 * Math.Exp(loss / 60));
        Assert.Equal(chance / 60, metrics.ChanceAccuracy, 1e-12);
        Assert.Equal(Estimate.OfProportion(right, 60).Upper, metrics.Accuracy.Upper);
        Assert.Equal(60, evaluation.Results.Count);
        Assert.Equal(right, evaluation.Results.Count(result => result.IsRight == true));
        Assert.All(evaluation.Results, (result, i) => Assert.Equal((i, questions[i].Name), (result.Index, result.Name)));
        Assert.All(evaluation.Results, result => Assert.Equal(1, result.Probabilities.Sum(), 1e-12));
    }

    [Fact]
    public void A_completion_is_right_if_it_is_greedy_and_a_text_has_a_perplexity()
    {
        TaskQuestion[] questions =
        [
            .. Enumerable.Range(0, 30).Select(i => TaskQuestion.Completion(TinyModels.Text(1 + i, i), $" w{i}")),
            TaskQuestion.OfText(TinyModels.Text(300, 1)), TaskQuestion.OfText(TinyModels.Text(20, 2)),
            TaskQuestion.MultipleChoice("w1", ["w2", "w3"], null),
        ];
        var metrics = new TaskEvaluator(_model).Evaluate(questions, cancellationToken: Cancellation).Metrics;
        var scores = new ContinuationScorer(_model).Score([.. questions.Take(30).Select(question => question.Choices[0])], Cancellation);
        Assert.Equal((33, 30), (metrics.QuestionCount, metrics.AnsweredCount));
        Assert.Equal(scores.Count(score => score.IsGreedy), metrics.RightCount);
        Assert.Equal(Math.Exp(scores.Sum(score => score.Loss.Sum) / 30), metrics.Perplexity.Value, 1e-9);
        Assert.Equal(0, metrics.ChanceAccuracy);
        var texts = new TextScorer(_model, ScoringOptions.RollingWindows);
        var expected = texts.Score(questions[30].Choices[0].Text, Cancellation) + texts.Score(questions[31].Choices[0].Text, Cancellation);
        Assert.Equal(expected.ToExactString(), metrics.Text!.ToExactString());
        Assert.True(double.IsNaN(TaskMetrics.Empty.Accuracy.Value));
        Assert.True(double.IsNaN(metrics.BrierScore.Value));
    }

    [Fact]
    public void Texts_are_the_documents_of_an_interval()
    {
        TaskQuestion[] questions = [.. Enumerable.Range(0, 40).Select(i => TaskQuestion.OfText(TinyModels.Text(30 + i, i)))];

        var evaluation = new TaskEvaluator(_model).Evaluate(questions, cancellationToken: Cancellation);

        var interval = evaluation.Metrics.Text!.Estimates!.CrossEntropy;
        Assert.Equal(evaluation.Metrics.Text.CrossEntropy, interval.Value);
        Assert.True(interval.Lower < interval.Value && interval.Value < interval.Upper);
    }

    [Theory]
    [InlineData(1, 2048)]
    [InlineData(2, 64)]
    [InlineData(2, 1)]
    public void Figures_have_the_same_bits_in_any_order_batch_and_number_of_threads(int threads, int batch)
    {
        var questions = Questions(50);
        string expected = Flat(new TaskEvaluator(_model).Evaluate(questions, cancellationToken: Cancellation));
        using var model = GptModel.FromWeights(TinyModels.Weights(GptPresets.Tiny, 1), TinyModels.Words, new() { ThreadCount = threads });
        var evaluator = new TaskEvaluator(model, new() { Continuations = new() { BatchTokenCount = batch } });
        Assert.Equal(expected, Flat(evaluator.Evaluate(questions, cancellationToken: Cancellation)));
        var reversed = evaluator.EvaluateQuestions(questions.AsEnumerable().Reverse(), Cancellation).ToArray();
        var whole = evaluator.Evaluate(questions, cancellationToken: Cancellation);
        Assert.Equal(whole.Results.Reverse().Select(Flat), reversed.Select(Flat));
        Assert.Equal(Flat(whole.Metrics), Flat(TaskMetrics.Merge(reversed.Select(TaskMetrics.Of))));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(70)] // more shards than questions
    public void Shards_merge_into_the_whole_to_the_last_bit(int count)
    {
        var questions = Mixed();
        var evaluator = new TaskEvaluator(_model);
        string expected = Flat(evaluator.Evaluate(questions, cancellationToken: Cancellation));
        string[] files = [.. CorpusShard.Split(count).OrderBy(shard => shard.Index * 3 % 7).Select(shard =>
            evaluator.Evaluate(questions, _folder.Path, shard, cancellationToken: Cancellation).ResultFile!)];
        Assert.Equal(expected, Flat(TaskEvaluation.Merge(files)));
        Assert.All(files, (file, i) => Assert.Contains(file, Directory.GetFiles(_folder.Path)));
        var error = Assert.Throws<ArgumentException>(() => TaskEvaluation.Merge(files[1..]));
        Assert.Contains(count > 1 ? "missing" : "no result files", error.Message, StringComparison.Ordinal);
        Assert.False(CorpusResults.IsResultFile(files[0]));
        Assert.Throws<InvalidDataException>(() => CorpusResults.Merge(files));
        if (count > 1) return;

        // A complete file is read, not computed again; and one that ends anywhere is completed.
        byte[] complete = File.ReadAllBytes(files[0]);
        for (int length = complete.Length - 1; length > 0; length -= 997)
        {
            File.WriteAllBytes(files[0], complete[..length]);
            Assert.Equal(expected, Flat(evaluator.Evaluate(questions, _folder.Path, cancellationToken: Cancellation)));
            Assert.Equal(complete, File.ReadAllBytes(files[0]));
        }

        var corpus = new CorpusEvaluator(_model).Evaluate(Corpus.FromTexts(["w1 w2"]), _folder.Path, cancellationToken: Cancellation);
        Assert.Throws<InvalidDataException>(() => TaskEvaluation.Merge([corpus.ResultFile!]));
    }

    [Fact]
    public void Progress_is_reported_and_an_evaluation_can_be_canceled()
    {
        var questions = Questions(40);
        var reports = new List<TaskProgress>();
        var evaluator = new TaskEvaluator(_model, new() { Continuations = new() { BatchTokenCount = 200 } });
        var evaluation = evaluator.Evaluate(questions, new Immediate(reports.Add), Cancellation);
        Assert.True(reports.Count > 3);
        Assert.Equal(1, reports[^1].Fraction);
        Assert.Equal(Flat(evaluation.Metrics), Flat(reports[^1].Metrics));
        Assert.StartsWith("100 %", reports[^1].ToString(), StringComparison.Ordinal);

        using var source = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var stop = new Immediate(_ => source.Cancel());
        Assert.ThrowsAny<OperationCanceledException>(() => evaluator.Evaluate(questions, _folder.Path, default, stop, source.Token));
        var resumed = new List<TaskProgress>();
        var whole = evaluator.Evaluate(questions, _folder.Path, progress: new Immediate(resumed.Add), cancellationToken: Cancellation);
        Assert.Equal(Flat(evaluation), Flat(whole));
        Assert.True(resumed.Count < reports.Count);
    }

    [Fact]
    public void A_question_that_cannot_be_scored_is_named()
    {
        var evaluator = new TaskEvaluator(_model);
        TaskQuestion[] questions = [TaskQuestion.Completion("w1", " w2"), TaskQuestion.Completion("w1", "", "broken")];
        var error = Assert.Throws<ArgumentException>(() => evaluator.Evaluate(questions, cancellationToken: Cancellation));
        Assert.StartsWith("Question 2 ('broken') cannot be scored: ", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => TaskQuestion.MultipleChoice("a", ["b"], 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => TaskQuestion.MultipleChoice("a", ["b", "c"], 2));
        Assert.Throws<ArgumentException>(() => TaskQuestion.Of([], null));
    }

    // What llama-perplexity does with the token ids of whole sentences.
    [Fact]
    public void The_convention_of_llama_cpp_scores_what_the_choices_do_not_share()
    {
        var encoder = new ContinuationEncoder(_model, new());
        var choices = encoder.EncodeTogether(TaskQuestion.MultipleChoice("w1 w2", ["w3 w4 w5", "w3 w6"], 0).Choices, Cancellation);
        Assert.Equal([3, 3], choices.Select(choice => choice.ContextCount));
        Assert.Equal([5, 4], choices.Select(choice => choice.Ids.Length));

        // Long enough to leave out the words that differ; and not.
        var contexts = encoder.EncodeTogether(
            TaskQuestion.SameContinuation(["w1 w2 w3", "w1 w4"], " w5 w6 w7 w8", 0).Choices, Cancellation);
        Assert.Equal([3, 2], contexts.Select(choice => choice.ContextCount));
        Assert.Equal([6, 5], contexts.Select(choice => choice.Ids.Length));
        contexts = encoder.EncodeTogether(TaskQuestion.SameContinuation(["w1 w2", "w1 w4"], " w5", 0).Choices, Cancellation);
        Assert.Equal([1, 1], contexts.Select(choice => choice.ContextCount));
        Assert.Equal([2, 2], contexts.Select(choice => choice.Ids.Length));

        var pair = encoder.EncodeTogether(TaskQuestion.MinimalPair("w1", "w2").Choices, Cancellation);
        Assert.All(pair, choice => Assert.Equal((60, 1), (choice.Ids[0], choice.ContextCount)));
        var options = new TaskOptions { Convention = TaskConvention.LlamaCpp };
        Assert.Equal(20, new TaskEvaluator(_model, options).Evaluate(Questions(20), cancellationToken: Cancellation).Metrics.AnsweredCount);
    }

    private static TaskQuestion[] Questions(int count) => [.. Enumerable.Range(0, count).Select(i => TaskQuestion.MultipleChoice(
        TinyModels.Text(1 + (i % 20), i),
        Enumerable.Range(0, 2 + (i % 3)).Select(choice => TinyModels.Text(1 + ((i + choice) % 5), (i * 10) + choice)),
        i % 2,
        $"question {i}"))];

    private static TaskQuestion[] Mixed() =>
    [
        .. Questions(50),
        .. Enumerable.Range(0, 9).Select(i => TaskQuestion.Completion(TinyModels.Text(1 + i, i), $" w{i}")),
        TaskQuestion.OfText(TinyModels.Text(90, 3), "text"),
    ];

    private static int ArgMax(double[] values) => Array.IndexOf(values, values.Max());

    private static string Flat(TaskEvaluation evaluation) => Flat(evaluation.Metrics) + string.Join('\n', evaluation.Results.Select(Flat));

    private static string Flat(TaskMetrics metrics) => string.Join(
        ' ', metrics.QuestionCount, metrics.AnsweredCount, metrics.Loss.ToExactString(), metrics.Text?.ToExactString(),
        metrics.RightCountBy(TaskNormalization.None), metrics.RightCountBy(TaskNormalization.Bytes),
        FormattableString.Invariant($"{metrics.ChanceAccuracy:R}"),
        metrics.RightCountBy(TaskNormalization.Tokens), FormattableString.Invariant($"{metrics.BrierScore:R} {metrics.Perplexity:R}"));

    private static string Flat(TaskResult result) => string.Join(
        ' ', result.Name, result.Kind, result.Answer, result.Predicted, result.IsRight, result.Text?.ToExactString(),
        string.Join(' ', result.Choices.Select(choice =>
            $"{choice.Loss.ToExactString()} {choice.IsGreedy} {choice.CharacterCount} {choice.ByteCount}")));

    private sealed class Immediate(Action<TaskProgress> handler) : IProgress<TaskProgress>
    {
        public void Report(TaskProgress value) => handler(value);
    }
}
