using System.Diagnostics;
using System.Globalization;

namespace MLNet.Gpt;

/// <summary>What a model answered to a question.</summary>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class TaskResult
{
    internal TaskResult(
        long index, string name, TaskKind kind, int? answer, IReadOnlyList<ChoiceScore> choices, LanguageModelMetrics? text = null) =>
        (Index, Name, Kind, Answer, Choices, Text) = (index, name, kind, answer, choices, text);

    /// <summary>The question's index among all questions, from 0.</summary>
    public long Index { get; }

    /// <summary>The question's name; empty if it has none.</summary>
    public string Name { get; }

    /// <summary>How the question is judged.</summary>
    public TaskKind Kind { get; }

    /// <summary>The index of the right choice; <see langword="null"/> if it is not known, and for a text.</summary>
    public int? Answer { get; }

    /// <summary>The choices' likelihoods, in order; empty for a text.</summary>
    public IReadOnlyList<ChoiceScore> Choices { get; }

    /// <summary>The measurement of a text; <see langword="null"/> for other questions.</summary>
    public LanguageModelMetrics? Text { get; }

    /// <summary>The index of the likeliest choice, the first of equally likely ones; <see langword="null"/> for a text.</summary>
    public int? Predicted => PredictedBy(TaskNormalization.None);

    /// <summary>
    /// Whether the likeliest choice is the right one, or a completion the greedy one; <see langword="null"/> if the right one is not
    /// known, and for a text.
    /// </summary>
    public bool? IsRight => IsRightBy(TaskNormalization.None);

    /// <summary>The probability of each choice if it is one of them: the softmax of their log-likelihoods.</summary>
    public IReadOnlyList<double> Probabilities => field ??= Softmax([.. Choices.Select(choice => choice.LogLikelihood)]);

    /// <summary>
    /// The Brier score: the sum of the squared differences between <see cref="Probabilities"/> and 1 for the right choice, 0 for the
    /// others; from 0 to 2, and lower is better. <see langword="null"/> unless the question is of multiple choice and its answer is known.
    /// </summary>
    public double? BrierScore
    {
        get
        {
            if (Kind != TaskKind.MultipleChoice || Answer is not { } answer) return null;
            double sum = 0;
            for (int i = 0; i < Probabilities.Count; i++)
            {
                double difference = Probabilities[i] - (i == answer ? 1 : 0);
                sum += difference * difference;
            }

            return sum;
        }
    }

    /// <summary>Returns the index of the choice with the greatest normalized log-likelihood, the first of equal ones.</summary>
    public int? PredictedBy(TaskNormalization normalization)
    {
        if (Choices.Count == 0) return null;
        int best = 0;
        double greatest = Choices[0].Normalized(normalization);
        for (int i = 1; i < Choices.Count; i++)
        {
            double value = Choices[i].Normalized(normalization);
            if (value > greatest) (best, greatest) = (i, value);
        }

        return best;
    }

    /// <summary>Returns whether the question is answered correctly; a completion is, if it is the greedy one.</summary>
    public bool? IsRightBy(TaskNormalization normalization) => Answer is not { } answer || Choices.Count == 0 ? null
        : Kind == TaskKind.Completion ? Choices[0].IsGreedy
        : PredictedBy(normalization) == answer;

    /// <summary>The question and what was answered, such as <c>Question 1: 2, right</c>.</summary>
    public override string ToString()
    {
        string name = Name.Length > 0 ? Name : string.Create(CultureInfo.InvariantCulture, $"Question {Index + 1}");
        string verdict = IsRight switch { true => ", right", false => ", wrong", null => "" };
        return Text is { } text ? $"{name}: {text.Loss}"
            : Kind == TaskKind.Completion ? $"{name}: {Choices[0]}"
            : string.Create(CultureInfo.InvariantCulture, $"{name}: choice {Predicted + 1}{verdict}");
    }

    private static double[] Softmax(double[] values)
    {
        if (values.Length == 0) return values;
        double greatest = values.Max();
        if (double.IsNegativeInfinity(greatest)) return [.. values.Select(_ => 1.0 / values.Length)];
        for (int i = 0; i < values.Length; i++) values[i] = Math.Exp(values[i] - greatest);
        double sum = values.Sum();
        for (int i = 0; i < values.Length; i++) values[i] /= sum;
        return values;
    }
}
