using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.BuiltIns;

public sealed class JoinPathCommand : PSCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    public string[] Path { get; set; } = [];

    [Parameter(Mandatory = true, Position = 1)]
    [AllowEmptyString]
    public string ChildPath { get; set; } = "";

    [Parameter(Position = 2, ValueFromRemainingArguments = true)]
    public string[] AdditionalChildPath { get; set; } = [];

    protected override void ProcessRecord()
    {
        foreach (string path in Path)
        {
            string joined = AdditionalChildPath.Prepend(ChildPath).Aggregate(path, SessionState.Path.Combine);
            WriteObject(joined);
        }
    }
}
