using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.BuiltIns;

public sealed class GetItemCommand : ProviderCommand
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = "Path")]
    public string Path { get; set; } = "";

    [Parameter(Mandatory = true, ParameterSetName = "LiteralPath")]
    public string LiteralPath { get; set; } = "";

    protected override void Process() => WriteObject(
        ParameterSetName == "Path"
            ? InvokeProvider.Item.Get(Path)
            : InvokeProvider.Item.Get([LiteralPath], force: false, literalPath: true),
        enumerateCollection: true);
}
