using System.Diagnostics;

namespace MLNet.Gpt.Tests.Evaluation.Alone;

public class EvaluationThatIsKilled
{
    [Fact]
    public void It_is_killed_after_two_chunks()
    {
        string? folder = Environment.GetEnvironmentVariable(KilledEvaluationTests.FolderVariable);
        Assert.SkipWhen(folder is null, "This is asked in a process of its own only.");
        using var model = TinyModels.Create();
        int pieces = 0;
        new CorpusEvaluator(model).Evaluate(
            TestCorpora.Mixed, folder!, default,
            TestCorpora.Progress(_ =>
            {
                if (++pieces == 2) Process.GetCurrentProcess().Kill();
            }),
            TestContext.Current.CancellationToken);
    }
}
