using System.Diagnostics;
using MLNet.Gpt.Samples.LossWalkthrough;
using MLNet.Gpt.TorchSharp;
using Spectre.Console;

// Part 1 is the lecture, number by number; part 2 asks the same question about a model that learns.
// Usage: LossWalkthrough [--lecture-only] [--output FOLDER]
bool lectureOnly = args.Contains("--lecture-only");
string output = Path.Combine("artifacts", "walkthrough");
if (args is [.., "--output", var folder]) output = folder;
if (args is not ([] or ["--lecture-only"] or ["--output", _] or ["--lecture-only", "--output", _]))
{
    Console.Error.WriteLine("Usage: LossWalkthrough [--lecture-only] [--output FOLDER]");
    return 2;
}

using var cancellation = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true;
    cancellation.Cancel();
};

var console = AnsiConsole.Console;
if (!console.Profile.Out.IsTerminal) console.Profile.Width = 120;

try
{
    if (lectureOnly)
    {
        // The lecture's first probability, 7.45405e-05, is within a rounding error of both 7.4540e-05 and 7.4541e-05.
        // With these kernels its last digit does not depend on the width of this machine's vectors.
        LibTorch.UsePortableKernels();
        new LectureWalkthrough(console).Run();
        return 0;
    }

    using (var lecture = Process.Start(Environment.ProcessPath!, "--lecture-only"))
    {
        await lecture.WaitForExitAsync(cancellation.Token);
        if (lecture.ExitCode != 0) return lecture.ExitCode;
    }

    new TrainingWalkthrough(console, output).Run(cancellation.Token);
    return 0;
}
catch (OperationCanceledException)
{
    console.MarkupLine("[yellow]Stopped.[/]");
    return 130;
}
