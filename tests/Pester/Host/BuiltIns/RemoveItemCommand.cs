using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.BuiltIns;

public sealed class RemoveItemCommand : ProviderCommand
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    public string[] Path { get; set; } = [];

    [Parameter]
    public SwitchParameter Recurse { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void Process() => InvokeProvider.Item.Remove(Path, Recurse, Force, literalPath: false);
}
