using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.StandIn;

/// <summary>It: adds tests to the block that is being discovered.</summary>
public sealed class ItCommand : PSCmdlet
{
    [Parameter(Mandatory = true, Position = 0)]
    public string Name { get; set; } = "";

    [Parameter(Mandatory = true, Position = 1)]
    public ScriptBlock Test { get; set; } = null!;

    [Parameter]
    [Alias("TestCases")]
    [AllowNull, AllowEmptyCollection]
    public object? ForEach { get; set; }

    [Parameter]
    public string[] Tag { get; set; } = [];

    [Parameter]
    public SwitchParameter Skip { get; set; }

    protected override void EndProcessing()
    {
        var block = PesterSession.Of(this).Shaping(MyInvocation.InvocationName);
        Parameterless.Require(Test, MyInvocation.InvocationName);
        foreach (var data in TestData.Of(ForEach, MyInvocation.BoundParameters.ContainsKey(nameof(ForEach))))
        {
            block.Children.Add(new TestItem(block, Name, Test, data, Skip));
        }
    }
}
