using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.StandIn;

/// <summary>Set-ItResult -Skipped: ends the running test as skipped. Other results are not supported.</summary>
public sealed class SetItResultCommand : PSCmdlet
{
    internal const string SkippedId = "PesterTestSkipped";

    [Parameter(Mandatory = true)]
    public SwitchParameter Skipped { get; set; }

    [Parameter]
    public string Because { get; set; } = "";

    protected override void EndProcessing() => ThrowTerminatingError(new ErrorRecord(
        new InvalidOperationException(Because.Length > 0 ? $"is skipped, because {Because}" : "is skipped"),
        SkippedId,
        ErrorCategory.InvalidResult,
        null));
}
