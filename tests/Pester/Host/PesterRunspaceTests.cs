namespace MLNet.Gpt.PesterHost;

/// <summary>Failed and skipped tests are reported as such, with Pester's messages.</summary>
public sealed class PesterRunspaceTests
{
    [Fact]
    public async Task A_file_tells_what_failed_what_was_skipped_and_why()
    {
        string file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.Tests.ps1");
        await File.WriteAllTextAsync(
            file,
            """
            Describe d {
                It passes { 1 | Should -Be 1 }
                It 'fails <x>' -ForEach @{ x = 3 } { $x | Should -Be 2 -Because 'it must' }
                It throws { [int]'word' }
                It 'is skipped' -Skip { throw 'ran' }
                It 'skips itself' { Set-ItResult -Skipped -Because 'it may' }
                Context setup { BeforeAll { throw 'in the setup' }; It 'never runs' { } }
                Context teardown { AfterAll { throw 'in the teardown' }; It runs { } }
            }
            """,
            TestContext.Current.CancellationToken);
        try
        {
            async Task<PesterRunspace.Outcome> Outcome(int place) => await PesterRunspace.RunAsync(file, place);
            async Task Fails(int place, string message) =>
                Assert.StartsWith(message, (await Outcome(place)).Failure, StringComparison.Ordinal);
            foreach (int place in (int[])[0, 6]) Assert.True(await Outcome(place) is { Failure: null or "", SkipReason: null or "" });
            await Fails(1, "Expected 2, because it must, but got 3.");
            await Fails(2, "Cannot convert value \"word\"");
            await Fails(5, "in the setup");
            Assert.Contains("in the teardown", (await Outcome(-1)).Failure, StringComparison.Ordinal);
            Assert.NotEmpty((await Outcome(3)).SkipReason!);
            Assert.Contains("it may", (await Outcome(4)).SkipReason, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("Describe d { throw 'a thing' }", "a thing")]
    [InlineData("Describe d {", "Missing closing '}'")]
    [InlineData("", "no test")]
    public async Task A_file_whose_discovery_fails_fails(string content, string message)
    {
        string file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.Tests.ps1");
        await File.WriteAllTextAsync(file, content, TestContext.Current.CancellationToken);
        try
        {
            Assert.Contains(message, (await PesterRunspace.RunAsync(file, -1)).Failure, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
