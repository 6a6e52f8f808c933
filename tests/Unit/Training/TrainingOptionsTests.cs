using MLNet.Gpt.Training;

namespace MLNet.Gpt.Tests.Training;

public class TrainingOptionsTests
{
    [Fact]
    public void Values_out_of_range_are_refused_with_their_name_and_the_limit()
    {
        Refused(() => new TrainingOptions { Epochs = 0 }, "Epochs is 0; it must be at least 1");
        Refused(() => new TrainingOptions { ThreadCount = 0 }, "ThreadCount is 0; it must be at least 1");
        Refused(() => new TrainingOptions { MaxSteps = -1 }, "MaxSteps is -1; it must be at least 0");
        Refused(() => new TrainingOptions { BatchSize = -2 }, "BatchSize is -2; it must be at least 1");
        Refused(() => new TrainingOptions { Stride = 0 }, "Stride is 0; it must be at least 1");
        Refused(() => new TrainingOptions { ValidationFraction = 1 }, "ValidationFraction is 1; it must be at least 0 and below 1");
        Refused(() => new TrainingOptions { LearningRate = 0 }, "LearningRate is 0; it must be above 0");
        Refused(() => new TrainingOptions { LearningRate = double.NaN }, "LearningRate is NaN; it must be above 0");
        Refused(() => new TrainingOptions { FinalLearningRate = -1 }, "FinalLearningRate is -1; it must be at least 0");
        Refused(() => new TrainingOptions { WarmUpSteps = -1 }, "WarmUpSteps is -1; it must be at least 0");
        Refused(() => new TrainingOptions { WeightDecay = -1 }, "WeightDecay is -1; it must be at least 0");
        Refused(() => new TrainingOptions { Beta1 = 1 }, "Beta1 is 1; it must be at least 0 and below 1");
        Refused(() => new TrainingOptions { Beta2 = -1 }, "Beta2 is -1; it must be at least 0 and below 1");
        Refused(() => new TrainingOptions { Epsilon = 0 }, "Epsilon is 0; it must be above 0");
        Refused(() => new TrainingOptions { GradientClipping = 0 }, "GradientClipping is 0; it must be above 0");
        Refused(() => new TrainingOptions { EvaluationInterval = 0 }, "EvaluationInterval is 0; it must be at least 1");
        Refused(() => new TrainingOptions { EvaluationBatches = 0 }, "EvaluationBatches is 0; it must be at least 1");
        Refused(() => new TrainingOptions { BatchesPerStep = 0 }, "BatchesPerStep is 0; it must be at least 1");
        Refused(() => new TrainingOptions { Patience = 0 }, "Patience is 0; it must be at least 1");
        Refused(() => new TrainingOptions { LabelSmoothing = 1 }, "LabelSmoothing is 1; it must be at least 0 and below 1");
        Refused(() => new TrainingOptions { MaxDuration = TimeSpan.Zero }, "MaxDuration is 00:00:00; it must be above 0");
        Refused(() => new CheckpointOptions("runs") { Keep = 0 }, "Keep is 0; it must be at least 1");
        Refused(() => new CheckpointOptions("runs") { Interval = 0 }, "Interval is 0; it must be at least 1");
    }

    [Fact]
    public void A_learning_rate_that_would_rise_at_the_end_is_refused() =>
        Assert.Throws<ArgumentException>(() => new TrainingOptions { LearningRate = 1e-4, FinalLearningRate = 1e-3 }.Validated());

    [Fact]
    public void A_final_learning_rate_without_a_decay_is_refused() =>
        Assert.Contains(
            "Decay is None",
            Assert.Throws<ArgumentException>(() => (TrainingOptions.Lecture with { FinalLearningRate = 1e-5 }).Validated()).Message,
            StringComparison.Ordinal);

    [Fact]
    public void The_books_values_are_those_of_the_book()
    {
        var book = TrainingOptions.Lecture;
        Assert.Equal((10, 2, 4e-4, 0.1, 123L), (book.Epochs, book.BatchSize, book.LearningRate, book.WeightDecay, book.Seed));
        Assert.Equal(
            (0.1, null, 5, 5),
            (book.ValidationFraction, book.GradientClipping, book.EvaluationInterval!.Value, book.EvaluationBatches!.Value));
        Assert.All(Enumerable.Range(1, 90), step => Assert.Equal(4e-4, new LearningRateSchedule(book, 90).At(step)));
    }

    [Fact]
    public void Numbers_in_messages_do_not_follow_the_culture()
    {
        var culture = System.Globalization.CultureInfo.CurrentCulture;
        System.Globalization.CultureInfo.CurrentCulture = System.Globalization.CultureInfo.GetCultureInfo("de-DE");
        try
        {
            Refused(() => new TrainingOptions { LearningRate = -0.5 }, "LearningRate is -0.5;");
            Refused(() => new TrainingOptions { ValidationFraction = 1.5 }, "ValidationFraction is 1.5;");
            Assert.Contains(
                "is 0.001; it must be at most LearningRate, which is 0.0001",
                Message(() => new TrainingOptions { LearningRate = 1e-4, FinalLearningRate = 1e-3 }.Validated()),
                StringComparison.Ordinal);
            Assert.Contains(
                "norm 1.5, at a learning rate of 0.25",
                new TrainingDivergedException(3, double.NaN, 1.5, 0.25).Message,
                StringComparison.Ordinal);
        }
        finally
        {
            System.Globalization.CultureInfo.CurrentCulture = culture;
        }

        static string Message(Func<object> create) => Assert.Throws<ArgumentException>(create).Message;
    }

    private static void Refused(Func<object> create, string message) =>
        Assert.Contains(message, Assert.Throws<ArgumentOutOfRangeException>(create).Message, StringComparison.Ordinal);
}
