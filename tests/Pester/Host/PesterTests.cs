using System.Collections.Concurrent;
using MLNet.Gpt.PesterHost.Engines;

namespace MLNet.Gpt.PesterHost;

/// <summary>
/// Every It of every file in <c>tests/Pester</c>, a test case each. A file runs as a whole when the first of its cases
/// is asked for.
/// </summary>
[TestCaseOrderer(typeof(ModuleFileFirst))]
public sealed class PesterTests
{
    private const int DiscoveryFailed = -1;

    private static readonly IPesterEngine Engine = PesterEngines.Best();
    private static readonly ConcurrentDictionary<string, Lazy<IReadOnlyList<PesterOutcome>>> Runs = new();

    public static IEnumerable<TheoryDataRow<string, int>> Cases()
    {
        foreach (string path in PesterFiles.All)
        {
            string file = Path.GetFileName(path);
            IReadOnlyList<string> tests;
            try
            {
                tests = Engine.Discover(path);
            }
            catch (PesterDiscoveryException)
            {
                tests = [];
            }

            if (tests.Count == 0) yield return Row(file, DiscoveryFailed, "discovery");
            for (int i = 0; i < tests.Count; i++) yield return Row(file, i, tests[i]);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void It(string file, int ordinal)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"Run by {Engine.Description}.");
        string path = Path.Combine(PesterFiles.Folder, file);
        if (ordinal == DiscoveryFailed)
        {
            Assert.NotEmpty(Engine.Discover(path));
            return;
        }

        var outcome = Runs.GetOrAdd(path, key => new(() => Engine.Run(key))).Value[ordinal];
        if (outcome.Failure is not null) Assert.Fail(outcome.Failure);
        if (outcome.SkipReason is not null) Assert.Skip(outcome.SkipReason);
    }

    private static TheoryDataRow<string, int> Row(string file, int ordinal, string test) => new(file, ordinal)
    {
        TestDisplayName = $"{file}: {test}",
        Label = "",
        Traits = { ["File"] = [file] },
    };
}
