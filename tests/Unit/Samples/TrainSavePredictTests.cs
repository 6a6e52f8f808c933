namespace MLNet.Gpt.Tests.Samples;

public sealed class TrainSavePredictTests
{
    [Fact]
    public void Training_to_predicting_in_a_new_process_takes_under_forty_lines()
    {
        string[] lines = File.ReadAllLines(Path.Combine(Repository.Root, "samples", "TrainSavePredict", "Program.cs"));
        Assert.InRange(lines.Length, 1, 39);
    }
}
