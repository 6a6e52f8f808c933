using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.StandIn;

/// <summary>BeforeAll, BeforeEach, AfterEach and AfterAll: keeps the script for the run.</summary>
public sealed class SetupCommand : PSCmdlet
{
    [Parameter(Mandatory = true, Position = 0)]
    public ScriptBlock Scriptblock { get; set; } = null!;

    protected override void EndProcessing()
    {
        Parameterless.Require(Scriptblock, MyInvocation.InvocationName);
        PesterSession.Of(this)
            .Shaping(MyInvocation.InvocationName)
            .Define(Enum.Parse<SetupKind>(MyInvocation.InvocationName, ignoreCase: true), Scriptblock);
    }
}
