namespace MLNet.Gpt.Tests.Classification;

public sealed class ClassifierTrainingTests : IDisposable
{
    private readonly GptModel _model = TinyModels.Create();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _model.Dispose();

    [Fact]
    public void A_tiny_model_learns_which_of_three_words_is_in_a_text()
    {
        using var classifier = Train(WordTask.Rows(400, 1, 3));
        Assert.Equal(["eight", "nine", "seven"], classifier.Labels);
        Assert.InRange(Accuracy(classifier, WordTask.Rows(200, 2, 3)), 0.95, 1);
        Assert.True(classifier.History!.Last.TrainingLoss < classifier.History.First.TrainingLoss / 4);
        Assert.True(classifier.Model.Config.HasTiedHead); // the output head is gone
        Assert.Null(classifier.Model.Config.ScoreCount);
    }

    [Fact]
    public void A_tiny_model_learns_a_number()
    {
        using var classifier = Train(WordTask.Numbers(400, 1));
        Assert.True(classifier.IsRegression);
        var rows = WordTask.Numbers(200, 2);
        double error = rows.Zip(Predict(classifier, rows), (row, predicted) => Math.Pow(row.Value!.Value - predicted.Score, 2)).Average();
        Assert.InRange(Math.Sqrt(error), 0, 0.5); // the numbers' own deviation is 1.5
    }

    [Fact]
    public void Pairs_are_told_apart_by_their_second_text()
    {
        LabeledText[] rows = [
            .. WordTask.Texts(400, 1, 2).Select(row => new LabeledText("w1 w2", WordTask.Label(row.Class), Short(row.Text)))
        ];
        using var classifier = Train(rows);
        Assert.InRange(Accuracy(classifier, rows), 0.95, 1);

        static string Short(string text) => string.Join(' ', text.Split(' ').Where(word => word.Length == 2).Append("w30"));
    }

    [Theory]
    [InlineData(TrainedPart.Head)]
    [InlineData(TrainedPart.HeadAndLastBlock)]
    public void Only_the_chosen_part_is_trained_and_learns(TrainedPart part)
    {
        using var classifier = Train(WordTask.Rows(100, 1), WordTask.Options with { TrainedPart = part });
        var original = _model;
        foreach (var entry in WeightNames.For(classifier.Model.Config))
        {
            bool isTrained = part == TrainedPart.HeadAndLastBlock
                && (entry.Name.StartsWith("trf_blocks.1.", StringComparison.Ordinal)
                    || entry.Name.StartsWith("final_norm.", StringComparison.Ordinal));
            float[] before = new float[entry.ElementCount], after = new float[entry.ElementCount];
            original.Read(entry.Name, 0, before);
            classifier.Model.Read(entry.Name, 0, after);
            Assert.True(isTrained != before.SequenceEqual(after), entry.Name);
        }

        Assert.True(classifier.History!.Last.TrainingLoss < classifier.History.First.TrainingLoss);
    }

    [Fact]
    public void Adapters_and_the_head_learn_and_are_merged()
    {
        var training = WordTask.Options.Training with { Lora = new() { Rank = 8 }, Epochs = 16, LearningRate = 1e-2 };
        using var classifier = Train(WordTask.Rows(400, 1), WordTask.Options with { Training = training });
        Assert.InRange(Accuracy(classifier, WordTask.Rows(100, 2)), 0.9, 1);
        foreach (var entry in WeightNames.For(classifier.Model.Config))
        {
            bool isTrained = entry.Name.StartsWith("trf_blocks.", StringComparison.Ordinal) && entry.Shape.Count == 2;
            float[] before = new float[entry.ElementCount], after = new float[entry.ElementCount];
            _model.Read(entry.Name, 0, before);
            classifier.Model.Read(entry.Name, 0, after);
            Assert.True(isTrained != before.SequenceEqual(after), entry.Name);
        }
    }

    [Fact]
    public void Training_repeats_bit_for_bit_and_no_steps_change_nothing()
    {
        var rows = WordTask.Rows(60, 1);
        using GptClassifier first = Train(rows), second = Train(rows);
        Assert.Equal(first.HeadWeight.ToArray(), second.HeadWeight.ToArray());
        Assert.Equal(Predict(first, rows).Select(each => each.Score), Predict(second, rows).Select(each => each.Score));

        using var none = Train(rows, WordTask.Options with { Training = WordTask.Options.Training with { MaxSteps = 0 } });
        Assert.Equal(_model.ComputeHiddenStates([1, 2, 3], Cancellation), none.Model.ComputeHiddenStates([1, 2, 3], Cancellation));
    }

    [Fact]
    public void Validation_rows_are_drawn_or_given_and_end_the_training_early()
    {
        var rows = WordTask.Rows(80, 1);
        var options = WordTask.Options with
        {
            Training = WordTask.Options.Training with { ValidationFraction = 0.25, EvaluationInterval = 1, Epochs = 30, Patience = 3 },
        };
        LabeledText[] sorted = [.. rows.OrderBy(row => row.Label, StringComparer.Ordinal)];
        using var drawn = Train(sorted, options);
        Assert.NotNull(drawn.History!.Last.ValidationLoss);
        Assert.Equal(TrainingEnding.StoppedEarly, drawn.History.Ending);
        using var given = GptClassifier.Train(_model, rows, options, WordTask.Rows(20, 2), cancellationToken: Cancellation);
        Assert.NotNull(given.History!.Last.ValidationLoss);
        Assert.NotNull(given.History.Last.ValidationAccuracy);
    }

    [Fact]
    public void A_canceled_training_resumes_to_the_same_bits()
    {
        using var folder = new TemporaryDirectory();
        var rows = WordTask.Rows(80, 1);
        GptClassifierOptions With(ExistingCheckpoints existing) => WordTask.Options with
        {
            Training = WordTask.Options.Training with
            {
                Epochs = 3, Checkpoints = new(Path.Combine(folder.Path, "checkpoints")) { Existing = existing },
            },
        };
        using var whole = Train(rows, WordTask.Options with { Training = WordTask.Options.Training with { Epochs = 3 } });
        using var source = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var canceling = new Reporter(report => { if (report.Step == 13) source.Cancel(); });
        Assert.ThrowsAny<OperationCanceledException>(() => GptClassifier.Train(
            _model, rows, With(ExistingCheckpoints.Refuse), progress: canceling, cancellationToken: source.Token));
        using var resumed = Train(rows, With(ExistingCheckpoints.Resume));
        Assert.Equal(whole.HeadWeight.ToArray(), resumed.HeadWeight.ToArray());
        Assert.Equal(Predict(whole, rows).SelectMany(each => each.Logits), Predict(resumed, rows).SelectMany(each => each.Logits));
    }

    [Fact]
    public void A_frozen_bias_is_zero_as_in_transformers_and_not_saved()
    {
        using var folder = new TemporaryDirectory();
        var training = WordTask.Options.Training with { FrozenWeights = ["score.bias"], MaxSteps = 5 };
        using var classifier = Train(WordTask.Rows(60, 1), WordTask.Options with { Training = training });
        Assert.All(classifier.HeadBias.ToArray(), value => Assert.Equal(0, value));
        string path = Path.Combine(folder.Path, "model");
        classifier.Save(path, cancellationToken: Cancellation);
        using var file = Gpt.Formats.Safetensors.SafetensorsReader.Open(Path.Combine(path, "model.safetensors"));
        Assert.NotNull(file.Find("score.weight"));
        Assert.Null(file.Find("score.bias"));
    }

    [Fact]
    public void The_options_can_name_the_labels()
    {
        using var classifier = Train(
            WordTask.Rows(20, 1), WordTask.Options with { Labels = ["seven", "other", "eight"], Training = new() { MaxSteps = 1 } });
        Assert.Equal(["seven", "other", "eight"], classifier.Labels);
        Assert.Equal(3 * 32, classifier.HeadWeight.Length);
    }

    [Fact]
    public void Rows_that_do_not_fit_are_refused_with_their_place()
    {
        var rows = WordTask.Rows(20, 1);
        Refused("no rows", []);
        Refused("1 label, 'seven'", [new("w1", "seven")]);
        Refused("Row 20 has a number", [.. rows, new("w1", 1f)]);
        Refused("Row 1 has a label", [new("w1", 1f), new("w1", "seven")]);
        Refused("Row 0 has the label", rows, WordTask.Options with { Labels = ["x", "y"] });
        Refused("twice", rows, WordTask.Options with { Labels = ["x", "x"] });
        Refused("2 labels", WordTask.Numbers(3, 1), WordTask.Options with { Labels = ["x", "y"] });
        Refused("at most 2 are read", rows, WordTask.Options with { Texts = new() { MaxTokenCount = 2, RefusesLongTexts = true } });
        Assert.Throws<ArgumentOutOfRangeException>(() => new LabeledText("w1", float.NaN));
        Assert.Throws<ArgumentException>(
            () => GptClassifier.Train(_model, rows, WordTask.Options, [new("w1", "other")], cancellationToken: Cancellation));
        using var canceled = new CancellationTokenSource();
        canceled.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(
            () => GptClassifier.Train(_model, rows, WordTask.Options, cancellationToken: canceled.Token));
    }

    [Theory]
    [InlineData(WeightPrecision.BFloat16)]
    [InlineData(WeightPrecision.Int8)]
    public void The_trained_model_is_stored_as_requested(WeightPrecision precision)
    {
        using var classifier = Train(WordTask.Rows(400, 1), WordTask.Options with { Model = new() { Precision = precision } });
        Assert.Equal(precision, classifier.Model.Options.Precision);
        Assert.InRange(Accuracy(classifier, WordTask.Rows(100, 2)), 0.9, 1);
    }

    private GptClassifier Train(IReadOnlyList<LabeledText> rows, GptClassifierOptions? options = null) =>
        GptClassifier.Train(_model, rows, options ?? WordTask.Options, cancellationToken: Cancellation);

    private void Refused(string expected, IReadOnlyList<LabeledText> rows, GptClassifierOptions? options = null)
    {
        var error = Assert.ThrowsAny<ArgumentException>(() => Train(rows, options));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    private static IReadOnlyList<TextPrediction> Predict(GptClassifier classifier, IReadOnlyList<LabeledText> rows) =>
        classifier.Predict([.. rows.Select(row => (row.Text, row.SecondText))], Cancellation);

    private static double Accuracy(GptClassifier classifier, IReadOnlyList<LabeledText> rows) =>
        Predict(classifier, rows).Zip(rows, (predicted, row) => predicted.Label == row.Label ? 1.0 : 0).Average();

    private sealed class Reporter(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
