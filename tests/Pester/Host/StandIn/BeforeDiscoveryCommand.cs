using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.StandIn;

/// <summary>BeforeDiscovery: runs at once, in the scope that is being discovered.</summary>
public sealed class BeforeDiscoveryCommand : PSCmdlet
{
    [Parameter(Mandatory = true, Position = 0)]
    public ScriptBlock ScriptBlock { get; set; } = null!;

    protected override void EndProcessing()
    {
        PesterSession.Of(this).Shaping(MyInvocation.InvocationName);
        InvokeCommand.InvokeScript(useLocalScope: false, ScriptBlock, null);
    }
}
