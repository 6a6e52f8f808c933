using Xunit.Sdk;
using Xunit.v3;

namespace MLNet.Gpt.PesterHost;

/// <summary>
/// Cases in the order of their names, those of Module.Tests.ps1 first: it looks at a process in which nothing else has
/// loaded libraries.
/// </summary>
public sealed class ModuleFileFirst : ITestCaseOrderer
{
    public IReadOnlyCollection<TTestCase> OrderTestCases<TTestCase>(IReadOnlyCollection<TTestCase> testCases)
        where TTestCase : notnull, ITestCase =>
        [.. testCases.OrderBy(test => test.TestCaseDisplayName.StartsWith("Module.", StringComparison.Ordinal) ? 0 : 1)
            .ThenBy(test => test.TestCaseDisplayName, StringComparer.Ordinal)];
}
