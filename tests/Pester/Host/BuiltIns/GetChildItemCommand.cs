using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.BuiltIns;

public sealed class GetChildItemCommand : ProviderCommand
{
    [Parameter(Position = 0, ValueFromPipeline = true)]
    public string Path { get; set; } = ".";

    [Parameter]
    public SwitchParameter Recurse { get; set; }

    protected override void Process() => WriteObject(InvokeProvider.ChildItem.Get(Path, Recurse), enumerateCollection: true);
}
