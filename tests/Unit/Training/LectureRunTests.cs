using System.Globalization;
using MLNet.Gpt.Tests.TorchSharp;

namespace MLNet.Gpt.Tests.Training;

/// <summary>Compares the book's training run with the log that the book prints.</summary>
[Collection(TorchCollection.Name)]
public class LectureRunTests
{
    [Fact]
    public void The_losses_before_training_and_after_the_first_step_are_those_that_the_book_prints()
    {
        var (lines, initial) = LectureRun.Print(LectureRun.Options with { MaxSteps = 1 }, TestContext.Current.CancellationToken);
        Assert.Equal(LectureRun.InitialTrainingLoss, initial.TrainingLoss.ToString(CultureInfo.InvariantCulture));
        Assert.Equal(LectureRun.InitialValidationLoss, initial.ValidationLoss!.Value.ToString(CultureInfo.InvariantCulture));
        Assert.Equal(LectureRun.Log.Take(1), lines);
    }

    [Fact(Explicit = true)]
    [Trait("Category", "Slow")] // about ten minutes on 2 cores
    public void The_whole_run_prints_what_the_book_prints_line_by_line()
    {
        var (lines, _) = LectureRun.Print(LectureRun.Options, TestContext.Current.CancellationToken);
        Assert.Equal(LectureRun.Log, lines);
    }
}
