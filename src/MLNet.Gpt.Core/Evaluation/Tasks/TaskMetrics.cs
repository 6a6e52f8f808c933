using System.Diagnostics;
using System.Globalization;
using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>
/// How well a model answers the questions of a task. Sums are exact, so figures depend neither on batching nor on the order of questions,
/// and metrics of disjoint sets of questions add up to exactly those of all of them.
/// </summary>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class TaskMetrics
{
    private readonly long[] _right = new long[4]; // by normalization

    // Exact sums over questions: of the log-likelihood's square, of the Brier score and its square, and of what guessing would get.
    private LossSummary _squares, _brier, _brierSquares, _chance;

    private TaskMetrics()
    {
    }

    /// <summary>The metrics of no questions.</summary>
    public static TaskMetrics Empty { get; } = new();

    /// <summary>The number of questions.</summary>
    public long QuestionCount { get; private init; }

    /// <summary>The number of questions that are right or wrong: those whose answer is known, without texts.</summary>
    public long AnsweredCount { get; private init; }

    /// <summary>The number of questions that are answered correctly, by the likelihood of whole choices.</summary>
    public long RightCount => _right[0];

    /// <summary>
    /// The summed negative log-likelihood of the right choices, and the number of their tokens. Its perplexity is per token.
    /// </summary>
    public LossSummary Loss { get; private init; }

    /// <summary>The measurement of all texts together; <see langword="null"/> if there are none.</summary>
    public LanguageModelMetrics? Text { get; private set; }

    /// <summary>
    /// The fraction of questions that are answered correctly: <c>acc</c> of lm-evaluation-harness. For a completion, whether it is the
    /// greedy one.
    /// </summary>
    public Estimate Accuracy => AccuracyBy(TaskNormalization.None);

    /// <summary>The same, with likelihoods divided by characters: <c>acc_norm</c> of lm-evaluation-harness.</summary>
    public Estimate AccuracyPerCharacter => AccuracyBy(TaskNormalization.Characters);

    /// <summary>The same, with likelihoods divided by UTF-8 bytes: <c>acc_bytes</c> of lm-evaluation-harness.</summary>
    public Estimate AccuracyPerByte => AccuracyBy(TaskNormalization.Bytes);

    /// <summary>The same, with likelihoods divided by tokens: what <c>llama-perplexity</c> prints.</summary>
    public Estimate AccuracyPerToken => AccuracyBy(TaskNormalization.Tokens);

    /// <summary>The accuracy that guessing would have: the mean of 1 / choices. 0 for completions.</summary>
    public double ChanceAccuracy => _chance.Sum / AnsweredCount;

    /// <summary>
    /// The mean Brier score of the questions of multiple choice; lower is better. NaN if there are none.
    /// </summary>
    public Estimate BrierScore => BrierScoreAt(Estimate.DefaultConfidence);

    /// <summary>
    /// exp of the mean negative log-likelihood of a right choice, per question: <c>perplexity</c> of lm-evaluation-harness for LAMBADA,
    /// where a choice is a word.
    /// </summary>
    public Estimate Perplexity => PerplexityAt(Estimate.DefaultConfidence);

    /// <summary>Returns how many questions are answered correctly.</summary>
    public long RightCountBy(TaskNormalization normalization) => _right[(int)Check.Defined(normalization, nameof(normalization))];

    /// <summary>Returns the fraction of questions that are answered correctly, with its Wilson interval.</summary>
    /// <param name="normalization">What likelihoods are divided by.</param>
    /// <param name="confidence">The confidence of the interval, above 0 and below 1.</param>
    public Estimate AccuracyBy(TaskNormalization normalization, double confidence = Estimate.DefaultConfidence) =>
        Estimate.OfProportion(RightCountBy(normalization), AnsweredCount, confidence);

    /// <summary>Returns the mean Brier score with an interval.</summary>
    /// <param name="confidence">The confidence of the interval, above 0 and below 1.</param>
    public Estimate BrierScoreAt(double confidence) => Estimate.OfMean(_brier.Sum, _brierSquares.Sum, _brier.TokenCount, confidence);

    /// <summary>Returns the perplexity per question with an interval.</summary>
    /// <param name="confidence">The confidence of the interval, above 0 and below 1.</param>
    public Estimate PerplexityAt(double confidence) => Estimate.OfMean(Loss.Sum, _squares.Sum, AnsweredCount, confidence).Exponential();

    /// <summary>Returns the metrics of one question.</summary>
    public static TaskMetrics Of(TaskResult result)
    {
        if (result.Text is { } text) return new() { QuestionCount = 1, Text = text };
        if (result.Answer is not { } answer) return new() { QuestionCount = 1 };
        var loss = result.Choices[answer].Loss;
        var metrics = new TaskMetrics { QuestionCount = 1, AnsweredCount = 1, Loss = loss };
        metrics._squares = LossSummary.Of(loss.Sum * loss.Sum);
        for (int i = 0; i < metrics._right.Length; i++) metrics._right[i] = result.IsRightBy((TaskNormalization)i) == true ? 1 : 0;
        if (result.BrierScore is not { } brier) return metrics;
        metrics._brier = LossSummary.Of(brier);
        metrics._brierSquares = LossSummary.Of(brier * brier);
        metrics._chance = LossSummary.Of(1.0 / result.Choices.Count);
        return metrics;
    }

    /// <summary>Returns the metrics of questions in order; each text is a document, so that their sum has intervals.</summary>
    internal static TaskMetrics OfAll(IReadOnlyList<TaskResult> results)
    {
        var metrics = results.Aggregate(new TaskMetrics(), (sum, result) => sum + Of(result));
        LanguageModelMetrics[] texts = [.. results.Select(result => result.Text).OfType<LanguageModelMetrics>()];
        if (texts.Length > 0) metrics.Text = LanguageModelMetrics.MergeDocuments(texts);
        return metrics;
    }

    /// <summary>Adds the metrics of two disjoint sets of questions.</summary>
    /// <exception cref="ArgumentException">They contain texts that were measured with vocabularies of different sizes.</exception>
    public static TaskMetrics operator +(TaskMetrics left, TaskMetrics right)
    {
        var sum = new TaskMetrics
        {
            QuestionCount = left.QuestionCount + right.QuestionCount,
            AnsweredCount = left.AnsweredCount + right.AnsweredCount,
            Loss = left.Loss + right.Loss,
            Text = left.Text is null ? right.Text : right.Text is null ? left.Text : left.Text + right.Text,
            _squares = left._squares + right._squares,
            _brier = left._brier + right._brier,
            _brierSquares = left._brierSquares + right._brierSquares,
            _chance = left._chance + right._chance,
        };
        for (int i = 0; i < sum._right.Length; i++) sum._right[i] = left._right[i] + right._right[i];
        return sum;
    }

    /// <summary>Merges the metrics of disjoint sets of questions, such as shards.</summary>
    public static TaskMetrics Merge(IEnumerable<TaskMetrics> parts) => parts.Aggregate(Empty, (sum, part) => sum + part);

    /// <summary>The main figures, such as <c>accuracy 0.6120 ± 0.0218 (95 % 0.5686 to 0.6537), 500 questions</c>.</summary>
    public override string ToString()
    {
        var figures = new List<string>();
        if (AnsweredCount > 0) figures.Add($"accuracy {Accuracy}");
        if (AnsweredCount > _brier.TokenCount) figures.Add($"perplexity {Perplexity.ToString("F2", CultureInfo.InvariantCulture)}");
        if (Text is { } text) figures.Add(text.ToString());
        figures.Add(Quantity.Of(QuestionCount, "question", "N0"));
        return string.Join(", ", figures);
    }
}
