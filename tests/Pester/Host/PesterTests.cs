using System.Diagnostics;
using Xunit.v3;

namespace MLNet.Gpt.PesterHost;

/// <summary>
/// Every It of every file in <c>tests/Pester</c>, a test case each, in this process; then all files once more in
/// <c>dotnet pwsh</c>. A file runs as a whole when the first of its cases is asked for.
/// </summary>
[TestCaseOrderer(typeof(UnorderedTestCaseOrderer))]
public sealed class PesterTests
{
    public static IEnumerable<TheoryDataRow<string, int>> Cases() => PesterRunspace.Discover().Select(test =>
        new TheoryDataRow<string, int>(test.File, test.Place)
        {
            TestDisplayName = $"{test.File}: {test.Name}",
            Label = "",
            Traits = { ["File"] = [test.File] },
        });

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task It(string file, int place)
    {
        var outcome = await PesterRunspace.RunAsync(file, place);
        if (!string.IsNullOrEmpty(outcome.Failure)) Assert.Fail(outcome.Failure);
        if (outcome.SkipReason is not null) Assert.Skip(outcome.SkipReason);
    }

    [Fact]
    public void All_files_pass_in_one_process_of_dotnet_pwsh_with_Pester_6() => RunInPwsh(6);

    [Fact(Explicit = true)]
    [Trait("Category", "Slow")]
    public void All_files_pass_in_one_process_of_dotnet_pwsh_with_Pester_5() => RunInPwsh(5);

    [Fact(Explicit = true)]
    [Trait("Category", "Slow")]
    public void All_files_pass_in_this_engine_with_Pester_6()
    {
        // A process can hold only one version of Pester.
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["-method", $"{typeof(PesterTests).FullName}.{nameof(It)}"])
        {
            RedirectStandardOutput = true,
        };
        foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("TESTINGPLATFORM", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }

        start.Environment["MLNET_GPT_PESTER"] = "6";
        using var process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, output);
    }

    private static void RunInPwsh(int major)
    {
        var (exitCode, output) = Pwsh.Run($"""
            Import-Module '{PesterFiles.Pester(major).Replace("'", "''", StringComparison.Ordinal)}'
            $configuration = New-PesterConfiguration
            $configuration.Run.Path = '{PesterFiles.Folder.Replace("'", "''", StringComparison.Ordinal)}'
            $configuration.Run.Exit = $true
            $configuration.Output.RenderMode = 'Plaintext'
            Invoke-Pester -Configuration $configuration
            """);
        TestContext.Current.TestOutputHelper?.WriteLine(output);
        Assert.True(exitCode == 0, string.Join('\n', output.Split('\n').Where(line => !line.StartsWith("[+]", StringComparison.Ordinal))));
        Assert.Contains("Skipped: 0", output, StringComparison.Ordinal);
    }
}
