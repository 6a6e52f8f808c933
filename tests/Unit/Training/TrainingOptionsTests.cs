using MLNet.Gpt.Training;

namespace MLNet.Gpt.Tests.Training;

public class TrainingOptionsTests
{
    [Fact]
    public void Values_out_of_range_are_refused_with_their_name_and_the_limit()
    {
        Refused(() => new TrainingOptions { Epochs = 0 }, "Epochs is 0; it must be at least 1");
        Refused(() => new TrainingOptions { MaxSteps = 0 }, "MaxSteps is 0; it must be at least 1");
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
    }

    [Fact]
    public void A_learning_rate_that_would_rise_at_the_end_is_refused() =>
        Assert.Throws<ArgumentException>(() => new TrainingOptions { LearningRate = 1e-4, FinalLearningRate = 1e-3 }.Validated());

    [Fact]
    public void The_learning_rate_rises_and_then_falls_along_a_cosine()
    {
        var schedule = new LearningRateSchedule(new() { LearningRate = 1, FinalLearningRate = 0.2, WarmUpSteps = 4 }, totalSteps: 9);
        double[] expected = [0.25, 0.5, 0.75, 1, 1, 0.2 + (0.8 * (1 + Math.Sqrt(0.5)) / 2), 0.6, 0.2 + (0.8 * (1 - Math.Sqrt(0.5)) / 2), 0.2];
        foreach (var (rate, step) in expected.Zip(Enumerable.Range(1, 9))) Assert.Equal(rate, schedule.At(step), 1e-12);
    }

    [Fact]
    public void Without_warm_up_and_fall_the_learning_rate_stays() =>
        Assert.All(Enumerable.Range(1, 5), step => Assert.Equal(4e-4, new LearningRateSchedule(new(), totalSteps: 5).At(step)));

    private static void Refused(Func<TrainingOptions> create, string message) =>
        Assert.Contains(message, Assert.Throws<ArgumentOutOfRangeException>(create).Message, StringComparison.Ordinal);
}
