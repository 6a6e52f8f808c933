namespace MLNet.Gpt.Tests.Evaluation;

/// <summary>
/// An evaluation whose process is killed, without any chance to clean up, and that another process resumes.
/// </summary>
public class KilledEvaluationTests
{
    internal const string FolderVariable = "MLNET_GPT_TESTS_RESULT_FOLDER";

    [Fact]
    public async Task A_killed_process_leaves_a_file_that_another_completes_to_the_last_bit()
    {
        using var folder = new TemporaryDirectory();
        using var model = TinyModels.Create();
        var evaluator = new CorpusEvaluator(model);
        string file = evaluator.ResultFile(TestCorpora.Mixed, folder.Path);

        await KillAfterTwoPieces(folder.Path);
        int lines = File.ReadAllLines(file).Length;
        Assert.InRange(lines, 2, 5); // the header and the completed chunks
        Assert.Throws<InvalidDataException>(() => CorpusResults.Merge([file]));

        int pieces = 0;
        var resumed = evaluator.Evaluate(
            TestCorpora.Mixed, folder.Path, default, TestCorpora.Progress(_ => pieces++), TestContext.Current.CancellationToken);
        Assert.Equal(
            evaluator.Evaluate(TestCorpora.Mixed, cancellationToken: TestContext.Current.CancellationToken).Metrics.ToExactString(),
            resumed.Metrics.ToExactString());
        Assert.Equal(File.ReadAllLines(file).Length - 2, lines - 1 + pieces); // no duplicates
    }

    private static async Task KillAfterTwoPieces(string folder)
    {
        using var process = ChildTestRun.Start(typeof(Alone.EvaluationThatIsKilled).Namespace!, (FolderVariable, folder));
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(
            TimeSpan.FromMinutes(2), TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode != 0, await output);
    }
}
