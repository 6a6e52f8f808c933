using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.BuiltIns;

public sealed class WriteErrorCommand : PSCmdlet
{
    [Parameter(Mandatory = true, Position = 0)]
    public string Message { get; set; } = "";

    [Parameter]
    public string ErrorId { get; set; } = "Microsoft.PowerShell.Commands.WriteErrorException";

    protected override void EndProcessing() =>
        WriteError(new ErrorRecord(new InvalidOperationException(Message), ErrorId, ErrorCategory.NotSpecified, null));
}
