using System.Collections;
using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.StandIn;

/// <summary>A file, or one Describe or Context in it, once for each item of its -ForEach.</summary>
public sealed class TestBlock(TestBlock? parent, string name, ScriptBlock? fixture, TestData data, bool skip)
{
    private readonly Dictionary<SetupKind, ScriptBlock> _setups = [];

    public TestBlock? Parent { get; } = parent;

    public string Name { get; } = TestData.Expand(name, [data, .. parent?.DataFromInside ?? []]);

    public ScriptBlock? Fixture { get; } = fixture;

    public TestData Data { get; } = data;

    public bool Skip { get; } = skip || parent?.Skip == true;

    /// <summary>Blocks and tests, in the order of the file.</summary>
    public ArrayList Children { get; } = [];

    public ScriptBlock? BeforeAll => _setups.GetValueOrDefault(SetupKind.BeforeAll);

    public ScriptBlock? AfterAll => _setups.GetValueOrDefault(SetupKind.AfterAll);

    /// <summary>What runs before each test of this block, the outermost first.</summary>
    public ScriptBlock[] BeforeEach =>
        [.. Ancestry.Reverse().Select(block => block._setups.GetValueOrDefault(SetupKind.BeforeEach)).OfType<ScriptBlock>()];

    /// <summary>What runs after each test of this block, the innermost first.</summary>
    public ScriptBlock[] AfterEach =>
        [.. Ancestry.Select(block => block._setups.GetValueOrDefault(SetupKind.AfterEach)).OfType<ScriptBlock>()];

    /// <summary>Every test in and below this block, in the order of the file.</summary>
    public IEnumerable<TestItem> Tests =>
        Children.Cast<object>().SelectMany(child => child is TestBlock block ? block.Tests : [(TestItem)child]);

    /// <summary>The data of this block and those around it, the innermost first.</summary>
    public IEnumerable<TestData> DataFromInside => Ancestry.Select(block => block.Data);

    private IEnumerable<TestBlock> Ancestry
    {
        get
        {
            for (var block = this; block is not null; block = block.Parent) yield return block;
        }
    }

    public void Define(SetupKind kind, ScriptBlock body)
    {
        if (!_setups.TryAdd(kind, body))
        {
            throw new InvalidOperationException($"{kind} is already defined in this block. Each block can only have one {kind}.");
        }
    }

    /// <summary>A setup or teardown of this block failed, and with it every test below.</summary>
    public void Fail(ErrorRecord error)
    {
        foreach (var test in Tests) test.Fail(error);
    }
}
