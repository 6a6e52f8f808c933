using System.Globalization;
using Spectre.Console;

namespace MLNet.Gpt.Samples.LossWalkthrough;

/// <summary>Shows the progress of training: a live bar in a terminal, a line per evaluation in a file.</summary>
internal static class TrainingDisplay
{
    public static T Run<T>(IAnsiConsole console, Func<IProgress<TrainingProgress>, T> train) => console.Profile.Out.IsTerminal
        ? RunLive(console, train)
        : train(new Reporter(progress => WriteEvaluation(console, progress)));

    private static T RunLive<T>(IAnsiConsole console, Func<IProgress<TrainingProgress>, T> train) => console.Progress()
        .Columns(
            new TaskDescriptionColumn { Alignment = Justify.Left },
            new ProgressBarColumn(),
            new PercentageColumn(),
            new RemainingTimeColumn())
        .Start(display =>
        {
            var bar = display.AddTask("training");
            return train(new Reporter(progress =>
            {
                bar.MaxValue = progress.TotalSteps;
                bar.Value = progress.Step;
                bar.Description = string.Create(
                    CultureInfo.InvariantCulture,
                    $"step {progress.Step}/{progress.TotalSteps}  loss {progress.BatchLoss:F3}  {progress.TokensPerSecond:N0} tokens/s");
                WriteEvaluation(console, progress);
            }));
        });

    private static void WriteEvaluation(IAnsiConsole console, TrainingProgress progress)
    {
        if (progress.Evaluation is not { } point) return;
        console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"step {progress.Step,4} of {progress.TotalSteps}  epoch {progress.Epoch}  training loss {point.TrainingLoss:F3}  ")
            + string.Create(
                CultureInfo.InvariantCulture, $"held-out loss {point.ValidationLoss:F3}  {progress.TokensPerSecond,6:N0} tokens/s"));
    }

    private sealed class Reporter(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
