using System.Diagnostics;

namespace MLNet.Gpt.PesterHost;

/// <summary>The tool <c>dotnet pwsh</c> of this repository.</summary>
internal static class Pwsh
{
    private static readonly Lazy<string> FoundHome = new(FindHome);

    /// <summary>The tool's folder; the tool is restored where that has not been done.</summary>
    public static string Home => FoundHome.Value;

    /// <summary>Runs a command in a new process and returns its exit code and what it wrote.</summary>
    public static (int ExitCode, string Output) Run(string command)
    {
        _ = Home;
        return Dotnet("pwsh", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-Command", command);
    }

    private static string FindHome()
    {
        string[] ask = ["pwsh", "-NoProfile", "-Command", "$PSHOME"];
        var (exitCode, output) = Dotnet(ask);
        if (exitCode != 0)
        {
            var restored = Dotnet("tool", "restore");
            (exitCode, output) = Dotnet(ask);
            if (exitCode != 0) throw new InvalidOperationException($"dotnet tool restore gives no dotnet pwsh: {restored.Output}{output}");
        }

        return output.Trim();
    }

    private static (int ExitCode, string Output) Dotnet(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", arguments)
        {
            WorkingDirectory = PesterFiles.Repository,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Remove("PSModulePath");
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.GetAwaiter().GetResult());
    }
}
