using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;

namespace MLNet.Gpt.PesterHost.Engines;

/// <summary>Real PowerShell with real Pester 5, in a process of its own for each file.</summary>
internal sealed class PwshEngine : IPesterEngine
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNameCaseInsensitive = true };

    private readonly string _versions;

    private PwshEngine(string versions) => _versions = versions;

    public string Description => $"pwsh with Pester ({_versions})";

    /// <summary>The engine, or <see langword="null"/> where the PATH has no pwsh 7 or it has no Pester 5.</summary>
    public static PwshEngine? Find()
    {
        try
        {
            string versions = Execute(
                "$pester = Get-Module Pester -ListAvailable | Where-Object { $_.Version.Major -eq 5 } | Select-Object -First 1; " +
                "if ($pester -and $PSVersionTable.PSVersion.Major -ge 7) { \"PowerShell $($PSVersionTable.PSVersion), "
                + "Pester $($pester.Version)\" }").Trim();
            return versions.Length > 0 ? new PwshEngine(versions) : null;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    public IReadOnlyList<string> Discover(string file) => [.. Run(file, skipRun: true).Select(outcome => outcome.Path)];

    public IReadOnlyList<PesterOutcome> Run(string file) => Run(file, skipRun: false);

    private static IReadOnlyList<PesterOutcome> Run(string file, bool skipRun)
    {
        string results = Path.GetTempFileName();
        try
        {
            string output = Execute($$"""
                Import-Module Pester -MinimumVersion 5.0 -MaximumVersion 5.99.99
                $configuration = New-PesterConfiguration
                $configuration.Run.Path = '{{Quote(file)}}'
                $configuration.Run.PassThru = $true
                $configuration.Run.SkipRun = ${{skipRun}}
                $configuration.Output.Verbosity = 'None'
                $run = Invoke-Pester -Configuration $configuration
                @{
                    Discovery = @($run.Containers.ErrorRecord | Where-Object { $_ } | ForEach-Object { "$_" })
                    Tests     = @($run.Tests | ForEach-Object {
                        $blocks = for ($block = $_.Block; $block; $block = $block.Parent) {
                            $block.ErrorRecord | Where-Object { $_ } | ForEach-Object { "$_" }
                        }
                        @{
                            Path       = if ($_.ExpandedPath) { $_.ExpandedPath } else { $_.Path -join '.' }
                            SkipReason = if ($_.Result -eq 'Skipped') { "$($_.ErrorRecord)" }
                            Failure    = if (($_.Result -notin 'Passed', 'Skipped' -or $blocks) -and -not ${{skipRun}}) {
                                $errors = $_.ErrorRecord | ForEach-Object { "$_`n$($_.ScriptStackTrace)" }
                                (@("$($_.Result)") + @($errors) + @($blocks)) -join "`n"
                            }
                        }
                    })
                } | ConvertTo-Json -Depth 5 | Set-Content -LiteralPath '{{Quote(results)}}'
                """);
            string text = File.ReadAllText(results);
            var report = text.Length > 0 ? JsonSerializer.Deserialize<Report>(text, Json)! : throw new PesterDiscoveryException(output);
            return report.Discovery.Length == 0
                ? report.Tests
                : throw new PesterDiscoveryException(string.Join(Environment.NewLine, report.Discovery));
        }
        finally
        {
            File.Delete(results);
        }
    }

    private static string Execute(string script)
    {
        var start = new ProcessStartInfo("pwsh") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])["-NoLogo", "-NoProfile", "-NonInteractive", "-Command", script])
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : output + errors.GetAwaiter().GetResult();
    }

    private static string Quote(string text) => text.Replace("'", "''", StringComparison.Ordinal);

    private sealed record Report(string[] Discovery, PesterOutcome[] Tests);
}
