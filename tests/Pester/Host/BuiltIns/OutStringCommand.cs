using System.Management.Automation;
using System.Text.RegularExpressions;

namespace MLNet.Gpt.PesterHost.BuiltIns;

/// <summary>Out-String: the engine's own formatting, written to the host that keeps it; like the original's, without colours.</summary>
public sealed partial class OutStringCommand : PSCmdlet
{
    private static readonly ScriptBlock Show = ScriptBlock.Create("$input | Microsoft.PowerShell.Core\\Out-Default");
    private readonly List<object?> _items = [];

    [Parameter(ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    protected override void ProcessRecord() => _items.Add(InputObject);

    protected override void EndProcessing()
    {
        var screen = RecordingUserInterface.Of(Host);
        screen.Take();
        InvokeCommand.InvokeScript(useLocalScope: true, Show, _items);
        WriteObject(Colour().Replace(screen.Take(), ""));
    }

    [GeneratedRegex("\u001b\\[[0-9;]*m")]
    private static partial Regex Colour();
}
