using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.BuiltIns;

public sealed class TestPathCommand : PSCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = "Path")]
    public string Path { get; set; } = "";

    [Parameter(Mandatory = true, ParameterSetName = "LiteralPath")]
    public string LiteralPath { get; set; } = "";

    protected override void ProcessRecord() => WriteObject(ParameterSetName == "Path"
        ? InvokeProvider.Item.Exists(Path)
        : InvokeProvider.Item.Exists(LiteralPath, force: false, literalPath: true));
}
