using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.BuiltIns;

public sealed class SetContentCommand : PSCmdlet
{
    private readonly List<string> _lines = [];

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = "Path")]
    public string Path { get; set; } = "";

    [Parameter(Mandatory = true, ParameterSetName = "LiteralPath")]
    public string LiteralPath { get; set; } = "";

    [Parameter(Position = 1, ValueFromPipeline = true)]
    public object[] Value { get; set; } = [];

    [Parameter]
    public SwitchParameter NoNewline { get; set; }

    protected override void ProcessRecord() => _lines.AddRange(Value.Select(LanguagePrimitives.ConvertTo<string>));

    protected override void EndProcessing()
    {
        string file = SessionState.Path.GetUnresolvedProviderPathFromPSPath(ParameterSetName == "Path" ? Path : LiteralPath);
        File.WriteAllText(file, NoNewline ? string.Concat(_lines) : string.Concat(_lines.Select(line => line + Environment.NewLine)));
    }
}
