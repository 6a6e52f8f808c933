using MLNet.Gpt.PesterHost.Engines;

namespace MLNet.Gpt.PesterHost;

/// <summary>The host itself: what must fail fails, and scopes are Pester 5's.</summary>
public sealed class HostedEngineTests
{
    [Theory]
    [InlineData("1 | Should -Be 1")]
    [InlineData("'A' | Should -Be 'a'; 'A' | Should -Not -BeExactly 'a'")]
    [InlineData("1, 2 | Should -Be 1, 2; 1, 2 | Should -Not -Be 1, 3; 1, 2 | Should -HaveCount 2")]
    [InlineData("'5' | Should -Be 5; 5 | Should -BeOfType [int]; 5 | Should -Not -BeOfType string")]
    [InlineData("$null | Should -BeNullOrEmpty; @() | Should -BeNullOrEmpty; '' | Should -BeNullOrEmpty; 0 | Should -Not -BeNullOrEmpty")]
    [InlineData("1, 2 | Should -Contain 2; 2 | Should -BeIn 1, 2; 2 | Should -BeGreaterThan 1; 2 | Should -BeLessOrEqual 2")]
    [InlineData("{ throw 'a thing' } | Should -Throw '*thing'; { 1 } | Should -Not -Throw")]
    [InlineData("{ Get-Item nowhere -ErrorAction Stop } | Should -Throw -ErrorId 'PathNotFound,*'")]
    [InlineData(
        "({ throw [System.ArgumentException]::new('x') } | Should -Throw -ExceptionType ([System.ArgumentException]) "
        + "-PassThru).Exception.Message | Should -Be 'x'")]
    [InlineData("Get-Item nowhere -ErrorAction SilentlyContinue; Get-Item nowhere 2>$null")]
    [InlineData("'x' | Set-Content TestDrive:/a.txt; 'TestDrive:/a.txt' | Should -Exist; Get-Content TestDrive:/a.txt | Should -Be 'x'")]
    [InlineData(
        "1..1000 | ForEach-Object { $script:seen = $_; $_ } | Select-Object -First 2 | Should -Be 1, 2; $script:seen | Should -Be 2")]
    public void A_test_passes_that_fails_in_nothing(string body)
    {
        var outcome = Assert.Single(Run($"Describe d {{ It i {{ {body} }} }}"));
        Assert.Null(outcome.Failure);
        Assert.Null(outcome.SkipReason);
    }

    [Theory]
    [InlineData("1 | Should -Be 2")]
    [InlineData("1 | Should -Not -Be 1")]
    [InlineData("1, 2 | Should -Be 1")]
    [InlineData("1 | Should -Be 2 -Because 'one, two'")]
    [InlineData("$null | Should -Not -BeNullOrEmpty")]
    [InlineData("'abc' | Should -Match '^b'")]
    [InlineData("@() | Should -HaveCount 1")]
    [InlineData("{ 1 } | Should -Throw")]
    [InlineData("{ throw 'a' } | Should -Throw 'b'")]
    [InlineData("{ Get-Item nowhere -ErrorAction Stop } | Should -Throw -ErrorId 'Other'")]
    [InlineData("{ throw 'a' } | Should -Throw -ExceptionType ([System.ArgumentException])")]
    [InlineData("throw 'a'")]
    [InlineData("Get-Item nowhere -ErrorAction Stop")]
    [InlineData("No-SuchCommand")]
    [InlineData("[int]'x'")]
    [InlineData("1 | Should -BeSomethingElse")]
    [InlineData("1 | Should -Be 1 -Unknown 2")]
    [InlineData("1 | Should")]
    [InlineData("Mock Get-Item { }")]
    [InlineData("Get-ChildItem . -Depth 3")]
    [InlineData("It inner { }")]
    [InlineData("BeforeAll { }")]
    public void A_test_fails_that_fails_in_anything_or_asks_for_what_is_not_supported(string body)
    {
        Assert.NotNull(Assert.Single(Run($"Describe d {{ It i {{ {body} }} }}")).Failure);
    }

    [Theory]
    [InlineData("throw 'in the file'")]
    [InlineData("Describe d { throw 'in the block' }")]
    [InlineData("Describe d { No-SuchCommand }")]
    [InlineData("Describe d { Context c { 1 | Should -Be 2 } }")]
    [InlineData("Describe d { BeforeAll { }; BeforeAll { } }")]
    [InlineData("Describe d { It i { param($a) } -ForEach @{ a = 1 } }")]
    [InlineData("Describe d { InModuleScope m { } }")]
    [InlineData("Describe d { It 'a <name>' { } }")]
    [InlineData("Describe d {")]
    [InlineData("BeforeDiscovery { throw 'x' }")]
    public void A_file_whose_body_fails_fails_discovery(string file)
    {
        WithFile(file, path =>
        {
            Assert.Throws<PesterDiscoveryException>(() => new HostedEngine().Discover(path));
            Assert.Throws<PesterDiscoveryException>(() => new HostedEngine().Run(path));
        });
    }

    [Fact]
    public void Discovery_runs_no_test_and_finds_each_item_of_the_data()
    {
        const string File = """
            BeforeDiscovery { $numbers = 1, 2 }
            Describe 'block <_>' -ForEach $numbers {
                BeforeAll { throw 'never in discovery' }
                It 'has <name> and <name.Length>' -ForEach @{ name = 'abc' } { throw 'never in discovery' }
            }
            """;
        WithFile(File, path => Assert.Equal(["block 1 › has abc and 3", "block 2 › has abc and 3"], new HostedEngine().Discover(path)));
    }

    [Fact]
    public void Setups_share_their_scope_downwards_and_tests_share_nothing()
    {
        Assert.All(Run("""
            $body = 'discovery only'
            BeforeAll { $file = 'file'; $log = [System.Collections.ArrayList]::new() }
            Describe outer {
                BeforeAll { $block = "$file block" }
                BeforeEach { $null = $log.Add('outer'); $each = 1 }
                AfterEach { $null = $log.Add("after $mine") }
                It one { $body | Should -BeNullOrEmpty; $block | Should -Be 'file block'; $each++; $each | Should -Be 2; $mine = 'one' }
                It two { $each | Should -Be 1; $mine | Should -BeNullOrEmpty; $log | Should -Be 'outer', 'after one', 'outer' }
                Context inner {
                    BeforeEach { $null = $log.Add('inner') }
                    It three { $log[-2, -1] | Should -Be 'outer', 'inner'; $block = 'changed' }
                }
                It four { $block | Should -Be 'file block' }
            }
            Describe beside { It five { $block | Should -BeNullOrEmpty; $file | Should -Be 'file' } }
            """), outcome => Assert.Null(outcome.Failure));
    }

    [Theory]
    [InlineData("BeforeAll { throw 'x' }")]
    [InlineData("AfterAll { throw 'x' }")]
    [InlineData("BeforeEach { throw 'x' }")]
    [InlineData("AfterEach { throw 'x' }")]
    public void A_failing_setup_or_teardown_fails_its_tests_and_no_other(string setup)
    {
        var outcomes = Run($"Describe bad {{ {setup}; It i {{ }}; Context c {{ It j {{ }} }} }}; Describe good {{ It k {{ }} }}");
        Assert.Equal(["bad › i", "bad › c › j"], outcomes.Where(outcome => outcome.Failure is not null).Select(outcome => outcome.Path));
        Assert.Equal(3, outcomes.Count);
    }

    [Fact]
    public void A_skipped_test_does_not_run_and_is_not_passed()
    {
        var outcomes = Run("""
            Describe d {
                It a -Skip { throw 'ran' }
                It b { Set-ItResult -Skipped -Because 'of the weather'; throw 'ran' }
                Context c -Skip { It e { throw 'ran' } }
            }
            """);
        Assert.Equal(3, outcomes.Count);
        Assert.All(outcomes, outcome => Assert.Null(outcome.Failure));
        Assert.All(outcomes, outcome => Assert.NotNull(outcome.SkipReason));
        Assert.Contains("of the weather", outcomes[1].SkipReason, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_block_leaves_on_the_test_drive_is_gone_after_it()
    {
        Assert.All(Run("""
            Describe first {
                BeforeAll { 'x' | Set-Content TestDrive:/kept.txt }
                Context inner { It writes { 'y' | Set-Content (Join-Path $TestDrive own.txt); 'TestDrive:/own.txt' | Should -Exist } }
                It 'keeps its own' { 'TestDrive:/kept.txt' | Should -Exist; 'TestDrive:/own.txt' | Should -Not -Exist }
            }
            Describe second { It 'finds nothing' { 'TestDrive:/kept.txt' | Should -Not -Exist } }
            """), outcome => Assert.Null(outcome.Failure));
    }

    private static IReadOnlyList<PesterOutcome> Run(string file)
    {
        IReadOnlyList<PesterOutcome> outcomes = [];
        WithFile(file, path => outcomes = new HostedEngine().Run(path));
        return outcomes;
    }

    private static void WithFile(string content, Action<string> action)
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.Tests.ps1");
        File.WriteAllText(path, content);
        try
        {
            action(path);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
