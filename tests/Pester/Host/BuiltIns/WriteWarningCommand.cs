using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.BuiltIns;

public sealed class WriteWarningCommand : PSCmdlet
{
    [Parameter(Mandatory = true, Position = 0)]
    public string Message { get; set; } = "";

    protected override void EndProcessing() => WriteWarning(Message);
}
