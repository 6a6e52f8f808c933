using MLNet.Gpt.Data;

namespace MLNet.Gpt.Training;

/// <summary>What a network learns to predict, as its head and the data must agree on.</summary>
internal static class TrainingTask
{
    /// <exception cref="ArgumentException">
    /// The sequences do not have what the network is to predict, or an option is set that has no effect on it.
    /// </exception>
    public static void Check(TrainingData data, GptConfig config, TrainingOptions options)
    {
        bool hasLabels = data.TrainingExamples.Label(0) is not null, hasValues = data.TrainingExamples.Value(0) is not null;
        if (config.ScoreCount is not { } count)
        {
            if (!hasLabels && !hasValues) return;
            throw new ArgumentException(
                $"The sequences have {(hasLabels ? "labels" : "numbers")}, but the model predicts tokens; set "
                + $"{nameof(TrainingOptions.ScoreCount)} to {(hasLabels ? "the number of classes" : "1")}.",
                nameof(data));
        }

        if (count == 1 ? !hasValues : !hasLabels)
        {
            throw new ArgumentException(
                $"{nameof(TrainingOptions.ScoreCount)} is {count}, for which every sequence needs a "
                + $"{(count == 1 ? $"number ({nameof(TrainingSequence.Value)})" : $"class ({nameof(TrainingSequence.Label)})")}.",
                nameof(data));
        }

        if (options.Sample is not null)
        {
            throw new ArgumentException(
                $"{nameof(TrainingOptions.Sample)} is set, but a model with {nameof(TrainingOptions.ScoreCount)} writes no text.",
                nameof(options));
        }

        if (!hasLabels)
        {
            if (options.LabelSmoothing == 0) return;
            throw new ArgumentException(FormattableString.Invariant(
                $"{nameof(TrainingOptions.LabelSmoothing)} is {options.LabelSmoothing}, which has no effect on numbers; it must be 0."),
                nameof(options));
        }

        CheckLabels(data.TrainingExamples, count, "");
        if (data.ValidationExamples is { } validation) CheckLabels(validation, count, " for validation");
    }

    private static void CheckLabels(IExamples sequences, int count, string purpose)
    {
        for (int i = 0; i < sequences.Count; i++)
        {
            if (sequences.Label(i) < count) continue;
            throw new ArgumentException(
                $"Sequence {i}{purpose} has the class {sequences.Label(i)}; {nameof(TrainingOptions.ScoreCount)} is {count}, so classes "
                + $"run from 0 to {count - 1}.",
                "data");
        }
    }
}
