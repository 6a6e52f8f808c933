using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.BuiltIns;

/// <summary>Measure-Object with -Sum, -Average, -Maximum and -Minimum over numbers.</summary>
public sealed class MeasureObjectCommand : PSCmdlet
{
    private readonly List<double> _numbers = [];
    private int _count;

    [Parameter(ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    [Parameter(Position = 0)]
    public string? Property { get; set; }

    [Parameter]
    public SwitchParameter Sum { get; set; }

    [Parameter]
    public SwitchParameter Average { get; set; }

    [Parameter]
    public SwitchParameter Maximum { get; set; }

    [Parameter]
    public SwitchParameter Minimum { get; set; }

    protected override void ProcessRecord()
    {
        if (InputObject is null) return;
        _count++;
        if (!Sum && !Average && !Maximum && !Minimum) return;
        _numbers.Add(LanguagePrimitives.ConvertTo<double>(Property is null ? InputObject : InputObject.Properties[Property]?.Value));
    }

    protected override void EndProcessing()
    {
        var result = new PSObject();
        result.Properties.Add(new PSNoteProperty("Count", _count));
        if (Sum) result.Properties.Add(new PSNoteProperty("Sum", _numbers.Sum()));
        if (_numbers.Count > 0)
        {
            if (Average) result.Properties.Add(new PSNoteProperty("Average", _numbers.Average()));
            if (Maximum) result.Properties.Add(new PSNoteProperty("Maximum", _numbers.Max()));
            if (Minimum) result.Properties.Add(new PSNoteProperty("Minimum", _numbers.Min()));
        }

        WriteObject(result);
    }
}
