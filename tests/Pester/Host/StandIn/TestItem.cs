using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.StandIn;

/// <summary>One It, once for each item of its -ForEach.</summary>
public sealed class TestItem(TestBlock block, string name, ScriptBlock body, TestData data, bool skip)
{
    public TestBlock Block { get; } = block;

    public string Name { get; } = TestData.Expand(name, [data, .. block.DataFromInside]);

    public ScriptBlock Body { get; } = body;

    public TestData Data { get; } = data;

    /// <summary>Why the test was skipped, or <see langword="null"/> where it was not.</summary>
    public string? SkipReason { get; private set; } = skip || block.Skip ? "-Skip" : null;

    public bool Executed { get; set; }

    public List<ErrorRecord> Errors { get; } = [];

    /// <summary>The names from the outermost block to the test, as they are shown.</summary>
    public string Path
    {
        get
        {
            string path = Name;
            for (var parent = Block; parent?.Parent is not null; parent = parent.Parent) path = $"{parent.Name} › {path}";
            return path;
        }
    }

    public void Fail(ErrorRecord error)
    {
        // The engine appends the name of the command that threw.
        if (error.FullyQualifiedErrorId.StartsWith(SetItResultCommand.SkippedId + ",", StringComparison.Ordinal))
        {
            SkipReason = error.Exception.Message;
        }
        else Errors.Add(error);
    }
}
