using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.BuiltIns;

public sealed class GetContentCommand : ProviderCommand
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = "Path")]
    public string Path { get; set; } = "";

    [Parameter(Mandatory = true, ParameterSetName = "LiteralPath")]
    public string LiteralPath { get; set; } = "";

    [Parameter]
    public SwitchParameter Raw { get; set; }

    protected override void Process()
    {
        string[] files = ParameterSetName == "Path"
            ? [.. SessionState.Path.GetResolvedProviderPathFromPSPath(Path, out _)]
            : [SessionState.Path.GetUnresolvedProviderPathFromPSPath(LiteralPath)];
        foreach (string file in files)
        {
            if (Raw) WriteObject(File.ReadAllText(file));
            else WriteObject(File.ReadLines(file), enumerateCollection: true);
        }
    }
}
