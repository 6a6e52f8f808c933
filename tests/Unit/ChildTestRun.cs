using System.Diagnostics;

namespace MLNet.Gpt.Tests;

/// <summary>Runs some of these tests in a separate process with its own environment.</summary>
internal static class ChildTestRun
{
    /// <summary>Runs every test in a namespace; fails with the output if a test fails or none ran.</summary>
    public static async Task Run(string testNamespace, params (string Name, string Value)[] environment)
    {
        using var process = Start(testNamespace, environment);
        var cancellation = TestContext.Current.CancellationToken;
        var output = process.StandardOutput.ReadToEndAsync(cancellation);
        var errors = process.StandardError.ReadToEndAsync(cancellation);
        try
        {
            await process.WaitForExitAsync(cancellation).WaitAsync(TimeSpan.FromMinutes(3), cancellation);
        }
        catch
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        string text = await output + await errors;
        Assert.True(process.ExitCode == 0, text);
        Assert.Matches(@"Total: [1-9]\d*, Errors: 0, Failed: 0", text);
    }

    /// <summary>Starts a run of every test in a namespace, with redirected output.</summary>
    public static Process Start(string testNamespace, params (string Name, string Value)[] environment)
    {
        string assembly = typeof(ChildTestRun).Assembly.Location;
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in new[] { "exec", assembly, "-namespace", testNamespace, "-noColor", "-trait-", "Category=Slow" })
        {
            start.ArgumentList.Add(argument);
        }

        Detach(start);
        start.Environment["DOTNET_EnableDiagnostics"] = "0"; // a killed child would leave its pipes in the temporary folder
        foreach (var (name, value) in environment) start.Environment[name] = value;
        return Process.Start(start) ?? throw new InvalidOperationException("No process was started.");
    }

    /// <summary>
    /// Removes the variables with which this test run and the build that started it communicate with their processes; a
    /// child that inherited them would take part in the run.
    /// </summary>
    public static void Detach(ProcessStartInfo start)
    {
        string[] prefixes = ["TESTINGPLATFORM", "XUNIT", "VSTEST", "MSBuild"];
        var inherited = start.Environment.Keys
            .Where(name => Array.Exists(prefixes, prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)))
            .ToList();
        foreach (string name in inherited) start.Environment.Remove(name);
    }
}
