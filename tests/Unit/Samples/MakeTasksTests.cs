using System.Diagnostics;

namespace MLNet.Gpt.Tests.Samples;

public sealed class MakeTasksTests
{
    private static readonly string Tasks = Path.Combine(Repository.Root, "samples", "Data", "tasks");

    [Fact]
    public async Task The_generator_makes_the_questions_that_ship_with_the_samples()
    {
        using var folder = new TemporaryDirectory();
        var start = new ProcessStartInfo(SamplePrograms.Find("MakeTasks"), [folder.Path]) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        string text = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(process.ExitCode == 0, text);
        string[] made = [.. Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal)!];
        Assert.Equal(["agreement.jsonl", "cloze.jsonl", "last-word.jsonl"], made);
        Assert.All(made, name => Assert.Equal(
            File.ReadAllBytes(Path.Combine(Tasks, name)), File.ReadAllBytes(Path.Combine(folder.Path, name))));
    }

    [Theory]
    [InlineData("cloze.jsonl", TaskKind.MultipleChoice, 4)]
    [InlineData("last-word.jsonl", TaskKind.Completion, 1)]
    [InlineData("agreement.jsonl", TaskKind.MultipleChoice, 2)]
    public void The_questions_are_from_the_held_out_chapters(string file, TaskKind kind, int choiceCount)
    {
        string book = File.ReadAllText(Path.Combine(Repository.Root, "samples", "Data", "moby-dick.txt"));
        string chapters = book[book.IndexOf("CHAPTER 38.", StringComparison.Ordinal)..];
        string heldOut = string.Join(' ', chapters.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        var questions = TaskFile.Read(Path.Combine(Tasks, file));

        Assert.InRange(questions.Count, 100, 200);
        Assert.Equal(questions.Count, questions.Select(question => question.Name).Distinct().Count());
        Assert.All(questions, question =>
        {
            Assert.Equal((kind, choiceCount), (question.Kind, question.Choices.Count));
            var right = question.Choices[question.Answer!.Value];
            Assert.Contains((right.Context + right.Continuation).Trim(), heldOut, StringComparison.Ordinal);
        });
    }
}
