namespace MLNet.Gpt.PesterHost.StandIn;

/// <summary>
/// The parts of a run that must be PowerShell, so that setups, tests and teardowns share scopes as Pester 5 has it: a block's
/// BeforeAll is dot-sourced into a scope that everything below it inherits, a test with its BeforeEach and AfterEach runs
/// in one scope of its own.
/// </summary>
internal static class PesterScripts
{
    public const string Discover = """
        param($______path)
        $______pester.Begin()
        try { $null = & $______path } catch { $______pester.FailDiscovery($_) }
        $______pester.End()
        """;

    public const string DiscoverBlock = """
        param($______block)
        $______block.Data.Publish($ExecutionContext.SessionState)
        try { $null = . $______block.Fixture } catch { $______pester.FailDiscovery($_) }
        """;

    public const string RunBlock = """
        param($______block)
        $______block.Data.Publish($ExecutionContext.SessionState)
        $______before = $______testDrive.Snapshot()
        $______ready = $true
        try { if ($______block.BeforeAll) { $null = . $______block.BeforeAll } }
        catch { $______ready = $false; $______block.Fail($_) }
        if ($______ready) {
            foreach ($______child in $______block.Children) {
                if ($______child -is [MLNet.Gpt.PesterHost.StandIn.TestBlock]) { & $______runBlock $______child }
                elseif ($null -eq $______child.SkipReason) { & $______runTest $______child }
            }
        }
        try { if ($______block.AfterAll) { $null = . $______block.AfterAll } } catch { $______block.Fail($_) }
        $______testDrive.Restore($______before)
        """;

    public const string RunTest = """
        param($______test)
        $______test.Data.Publish($ExecutionContext.SessionState)
        $______test.Executed = $true
        try {
            foreach ($______setup in $______test.Block.BeforeEach) { $null = . $______setup }
            $null = . $______test.Body
        }
        catch { $______test.Fail($_) }
        foreach ($______teardown in $______test.Block.AfterEach) {
            try { $null = . $______teardown } catch { $______test.Fail($_) }
        }
        """;
}
