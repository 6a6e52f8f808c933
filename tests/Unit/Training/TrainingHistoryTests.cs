
namespace MLNet.Gpt.Tests.Training;

public class TrainingHistoryTests
{
    private static readonly TrainingHistory History = new(
        [
            new(0, 1, 0, 4.125, null),
            new(10, 2, 320, 1.0 / 3, 2.5) { EpochsDone = 1.25, LearningRate = 4e-4, Elapsed = TimeSpan.FromSeconds(1.5) },
        ],
        TimeSpan.FromSeconds(2))
    {
        Samples = [new(8, 1, "Every effort,\n\"moves\"")], Ending = TrainingEnding.StoppedEarly, SkippedSteps = 1,
    };

    [Fact]
    public void A_history_is_written_as_a_table() => Assert.Equal(
        """
        step,epoch,epochs_done,tokens_seen,training_loss,validation_loss,validation_perplexity,learning_rate,elapsed_seconds
        0,1,0,0,4.125,,,0,0
        10,2,1.25,320,0.3333333333333333,2.5,12.182493960703473,0.0004,1.5

        """.ReplaceLineEndings("\n"),
        History.ToCsv());

    [Fact]
    public void A_history_comes_back_from_json_to_the_last_bit()
    {
        var read = TrainingHistory.FromJson(History.ToJson());
        Assert.Equal(History.Points, read.Points);
        Assert.Equal(History.Samples, read.Samples);
        Assert.Equal((History.Duration, History.Ending, History.SkippedSteps), (read.Duration, read.Ending, read.SkippedSteps));
        Assert.Equal(10, read.Best!.Step);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("""{ "points": [], "duration": "00:00:01" }""")]
    public void Other_text_is_refused(string text) => Assert.Throws<FormatException>(() => TrainingHistory.FromJson(text));
}
