using System.Diagnostics;

namespace MLNet.Gpt.Tests.Publishing;

/// <summary>Runs <c>dotnet</c> like a developer in a terminal.</summary>
internal static class DotnetCommand
{
    /// <summary>Runs a command to its end and returns its output; fails with the output if the command fails.</summary>
    public static Task<string> Run(string folder, params string[] arguments) => RunProgram("dotnet", folder, arguments);

    /// <summary>Runs a program to its end and returns its output; fails with the output if the program fails.</summary>
    public static async Task<string> RunProgram(string program, string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true,
        };

        ChildTestRun.Detach(start);

        // So that no build server keeps running.
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["UseSharedCompilation"] = "false";

        var cancellation = TestContext.Current.CancellationToken;
        using var process = Process.Start(start)!;
        try
        {
            var errors = process.StandardError.ReadToEndAsync(cancellation);
            string output = await process.StandardOutput.ReadToEndAsync(cancellation);
            await process.WaitForExitAsync(cancellation);
            Assert.True(
                process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}.\n{output}{await errors}");
            return output;
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }
}
