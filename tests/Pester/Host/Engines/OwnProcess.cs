using System.Diagnostics;
using System.Text.Json;

namespace MLNet.Gpt.PesterHost.Engines;

/// <summary>Runs a file in the hosted engine of a new process: it imports another variant of the module than the other files.</summary>
public sealed class OwnProcess
{
    private const string FileVariable = "MLNET_GPT_PESTER_FILE", ResultsVariable = "MLNET_GPT_PESTER_RESULTS";

    /// <summary>Whether a file needs a process of its own.</summary>
    internal static bool IsNeeded(string file) =>
        Path.GetFileName(file) == "TorchSharp.Tests.ps1" && Environment.GetEnvironmentVariable(FileVariable) is null;

    /// <summary>Runs a file in a new process of this program.</summary>
    internal static IReadOnlyList<PesterOutcome> Run(string file)
    {
        string results = Path.GetTempFileName();
        try
        {
            var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true };
            foreach (string argument in (string[])["exec", typeof(OwnProcess).Assembly.Location, "-class", typeof(OwnProcess).FullName!])
            {
                start.ArgumentList.Add(argument);
            }

            foreach (string name in
                start.Environment.Keys.Where(name => name.StartsWith("TESTINGPLATFORM", StringComparison.Ordinal)).ToList())
            {
                start.Environment.Remove(name);
            }

            (start.Environment[FileVariable], start.Environment[ResultsVariable]) = (file, results);
            using var process = Process.Start(start)!;
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0
                ? JsonSerializer.Deserialize<PesterOutcome[]>(File.ReadAllText(results))!
                : throw new InvalidOperationException(output);
        }
        finally
        {
            File.Delete(results);
        }
    }

    [Fact]
    public void Outcomes_of_a_file_are_handed_to_the_process_that_asks()
    {
        string? file = Environment.GetEnvironmentVariable(FileVariable);
        Assert.SkipWhen(file is null, "This is asked in a process of its own only.");
        File.WriteAllText(Environment.GetEnvironmentVariable(ResultsVariable)!, JsonSerializer.Serialize(new HostedEngine().Run(file)));
    }
}
