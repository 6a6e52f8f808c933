using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.BuiltIns;

public sealed class SplitPathCommand : PSCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    public string Path { get; set; } = "";

    [Parameter]
    public SwitchParameter Parent { get; set; }

    [Parameter]
    public SwitchParameter Leaf { get; set; }

    protected override void ProcessRecord() =>
        WriteObject(Leaf ? SessionState.Path.ParseChildName(Path) : SessionState.Path.ParseParent(Path, ""));
}
