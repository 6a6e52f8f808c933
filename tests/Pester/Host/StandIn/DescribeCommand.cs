using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.StandIn;

/// <summary>Describe and Context: discovers the block's body.</summary>
public sealed class DescribeCommand : PSCmdlet
{
    private static readonly ScriptBlock DiscoverBlock = ScriptBlock.Create(PesterScripts.DiscoverBlock);

    [Parameter(Mandatory = true, Position = 0)]
    public string Name { get; set; } = "";

    [Parameter(Mandatory = true, Position = 1)]
    public ScriptBlock Fixture { get; set; } = null!;

    [Parameter]
    [AllowNull, AllowEmptyCollection]
    public object? ForEach { get; set; }

    [Parameter]
    public string[] Tag { get; set; } = [];

    [Parameter]
    public SwitchParameter Skip { get; set; }

    protected override void EndProcessing()
    {
        var session = PesterSession.Of(this);
        var parent = session.Shaping(MyInvocation.InvocationName);
        Parameterless.Require(Fixture, MyInvocation.InvocationName);
        foreach (var data in TestData.Of(ForEach, MyInvocation.BoundParameters.ContainsKey(nameof(ForEach))))
        {
            var block = new TestBlock(parent, Name, Fixture, data, Skip);
            parent.Children.Add(block);
            session.Enter(block);
            InvokeCommand.InvokeScript(useLocalScope: true, DiscoverBlock, null, block);
            session.Leave();
        }
    }
}
