using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.BuiltIns;

public sealed class NewItemCommand : ProviderCommand
{
    [Parameter(Mandatory = true, Position = 0)]
    public string Path { get; set; } = "";

    [Parameter]
    public string ItemType { get; set; } = "File";

    [Parameter]
    public object? Value { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void Process() =>
        WriteObject(InvokeProvider.Item.New([Path], "", ItemType, Value, Force), enumerateCollection: true);
}
