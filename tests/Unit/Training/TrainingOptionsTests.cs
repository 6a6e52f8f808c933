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
        Refused(() => new TrainingOptions { BatchesPerStep = 0 }, "BatchesPerStep is 0; it must be at least 1");
        Refused(() => new TrainingOptions { Patience = 0 }, "Patience is 0; it must be at least 1");
        Refused(() => new TrainingOptions { LabelSmoothing = 1 }, "LabelSmoothing is 1; it must be at least 0 and below 1");
        Refused(() => new TrainingOptions { MaxDuration = TimeSpan.Zero }, "MaxDuration is 00:00:00; it must be above 0");
        Refused(() => new CheckpointOptions("runs") { Keep = 0 }, "Keep is 0; it must be at least 1");
        Refused(() => new CheckpointOptions("runs") { Interval = 0 }, "Interval is 0; it must be at least 1");
        Refused(() => new TrainingOptions { Mode = (TrainingMode)9 }, "Mode is 9; it must be one of Fast, TorchSharp, PyTorchCompatible");
    }

    [Fact]
    public void A_learning_rate_that_would_rise_at_the_end_is_refused() =>
        Assert.Throws<ArgumentException>(() => new TrainingOptions { LearningRate = 1e-4, FinalLearningRate = 1e-3 }.Validated());

    private static void Refused(Func<object> create, string message) =>
        Assert.Contains(message, Assert.Throws<ArgumentOutOfRangeException>(create).Message, StringComparison.Ordinal);
}
