using System.Diagnostics;

namespace MLNet.Gpt.Tests.Samples;

/// <summary>
/// Runs the walkthrough like a user, redirected to a file, and compares what it prints with what the lecture prints.
/// </summary>
public class LossWalkthroughTests
{
    [Fact]
    public async Task The_lecture_prints_the_lectures_numbers_digit_for_digit()
    {
        string text = await Run("--lecture-only");

        string[] printed =
        [
            "16833 3626 6100", "3626 6100 345", "40 1107 588", "1107 588 11311", // inputs and targets
            "(2, 3, 50257)", "16657 339 42826", "49906 29669 41751", " Armed heNetflix", // probabilities, arg-max and the guess
            "7.4541e-05", "3.1061e-05", "1.1563e-05", "1.0337e-05", "5.6776e-05", "4.7559e-06", // the targets' probabilities
            "-9.5042", "-10.3796", "-11.3677", "-11.4798", "-9.7764", "-12.2561", // their logarithms
            "48725.8203", " of a vocabulary of 50257",
            "Every effort moves you rentingetic wasnم refres RexMeCHicular stren",
        ];
        Assert.All(printed, number => Assert.Contains(number, text, StringComparison.Ordinal));
        Assert.Matches(@"mean of ln p +-10\.7940\b", text);
        Assert.Matches(@"cross-entropy, step by step +10\.7940\b", text);
        Assert.Matches(@"cross-entropy, in one call +10\.7940\b", text);
        Assert.Matches(@"7\.4541e-05 +7\.4540e-05 +-9\.5042 +-9\.5042\b", text); // libtorch, then the managed engine
        Assert.Matches(@"4\.7559e-06 +4\.7559e-06 +-12\.2561 +-12\.2561\b", text);
        Assert.Matches(@"cross-entropy 10\.7940, perplexity 48725\.8\d+", text);
    }

    [Fact(Explicit = true)]
    [Trait("Category", "Slow")]
    public async Task The_whole_walkthrough_trains_generates_and_draws()
    {
        using var folder = new TemporaryDirectory();
        string text = await Run("--output", folder.Path);

        Assert.Contains("What comes next?", text, StringComparison.Ordinal);
        Assert.Matches(@"step +666 of 666", text);
        Assert.True(File.Exists(Path.Combine(folder.Path, "loss-curve.png")));
        var shown = System.Text.RegularExpressions.Regex.Match(
            text, @"answered right .*to (0\.\d+)\) .*\(95 % (0\.\d+) to"); // the upper bound before, the lower one after
        Assert.True(Parse(shown.Groups[2]) > Parse(shown.Groups[1]), shown.Value);

        static double Parse(System.Text.RegularExpressions.Group group) =>
            double.Parse(group.ValueSpan, System.Globalization.CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task An_unknown_argument_is_refused()
    {
        using var process = Start("--lecture");
        string error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(2, process.ExitCode);
        Assert.StartsWith("Usage", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_arguments_it_begins_with_the_lecture()
    {
        using var process = Start();
        string? first = await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        string? second = await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Contains("how do we measure whether it is any good?", first + second, StringComparison.Ordinal);
    }

    private static async Task<string> Run(params string[] arguments)
    {
        using var process = Start(arguments);
        string text = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, text + await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        return text;
    }

    private static Process Start(params string[] arguments) =>
        Process.Start(new ProcessStartInfo(SamplePrograms.Find("LossWalkthrough"), arguments)
    {
        RedirectStandardOutput = true, RedirectStandardError = true, StandardOutputEncoding = System.Text.Encoding.UTF8,
    })!;
}
