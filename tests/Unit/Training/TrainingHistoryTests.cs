
namespace MLNet.Gpt.Tests.Training;

public class TrainingHistoryTests
{
    private static readonly TrainingHistory History = new()
    {
        Points =
        [
            new() { Step = 0, Epoch = 1, TokensSeen = 0, TrainingLoss = 4.125 },
            new()
            {
                Step = 10,
                Epoch = 2,
                TokensSeen = 320,
                TrainingLoss = 1.0 / 3,
                ValidationLoss = 2.5,
                EpochsDone = 1.25,
                LearningRate = 4e-4,
                Elapsed = TimeSpan.FromSeconds(1.5),
            },
        ],
        Duration = TimeSpan.FromSeconds(2),
        Samples = [new() { Step = 8, Epoch = 1, Text = "Every effort,\n\"moves\"" }],
        Ending = TrainingEnding.StoppedEarly,
        SkippedSteps = 1,
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
    public void A_history_is_read_back_from_JSON_to_the_last_bit()
    {
        var read = TrainingHistory.FromJson(History.ToJson());
        Assert.Equivalent(History.Points, read.Points, strict: true);
        Assert.Equivalent(History.Samples, read.Samples, strict: true);
        Assert.Equal((History.Duration, History.Ending, History.SkippedSteps), (read.Duration, read.Ending, read.SkippedSteps));
        Assert.Equal(10, read.Best!.Step);
    }

    [Fact]
    public void A_history_of_an_earlier_version_is_read()
    {
        // Written when points and samples were positional records.
        const string json = """
            {
              "points": [
                {
                  "step": 0, "epoch": 1, "tokensSeen": 0, "trainingLoss": 4.125, "validationLoss": null,
                  "epochsDone": 0, "learningRate": 0, "elapsed": "00:00:00", "validationPerplexity": null
                },
                {
                  "step": 10, "epoch": 2, "tokensSeen": 320, "trainingLoss": 0.3333333333333333, "validationLoss": 2.5,
                  "epochsDone": 1.25, "learningRate": 0.0004, "elapsed": "00:00:01.5000000", "validationPerplexity": 12.182493960703473
                }
              ],
              "duration": "00:00:02",
              "samples": [ { "step": 8, "epoch": 1, "text": "Every effort,\n\u0022moves\u0022" } ],
              "ending": "StoppedEarly",
              "skippedSteps": 1
            }
            """;
        Assert.Equivalent(History, TrainingHistory.FromJson(json), strict: true);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("""{ "points": [ null ], "duration": "00:00:01" }""")]
    [InlineData("null")]
    [InlineData("""{ "points": [], "duration": "00:00:01" }""")]
    public void Other_text_is_refused(string text) => Assert.Throws<FormatException>(() => TrainingHistory.FromJson(text));
}
