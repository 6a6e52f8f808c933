using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.BuiltIns;

/// <summary>
/// Select-Object with -First, -Last, -Skip, -Property by name and -ExpandProperty. -First ends the pipeline, as the
/// original's does.
/// </summary>
public sealed class SelectObjectCommand : PSCmdlet
{
    private readonly Queue<PSObject> _last = new();
    private int _seen;
    private int _written;

    [Parameter(ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    [Parameter(Position = 0)]
    public string[]? Property { get; set; }

    [Parameter]
    public string? ExpandProperty { get; set; }

    [Parameter]
    public int? First { get; set; }

    [Parameter]
    public int? Last { get; set; }

    [Parameter]
    public int Skip { get; set; }

    protected override void ProcessRecord()
    {
        if (InputObject is null || _seen++ < Skip) return;
        if (Last is not null)
        {
            _last.Enqueue(InputObject);
            if (_last.Count > Last) _last.Dequeue();
            return;
        }

        if (_written < (First ?? int.MaxValue)) Emit(InputObject);
        _written++;
        if (_written >= First) throw Upstream.Stop(this);
    }

    protected override void EndProcessing()
    {
        foreach (var item in _last) Emit(item);
    }

    private void Emit(PSObject item)
    {
        if (ExpandProperty is not null)
        {
            var property = item.Properties[ExpandProperty]
                ?? throw new PSArgumentException($"Property \"{ExpandProperty}\" cannot be found.");
            WriteObject(property.Value, enumerateCollection: true);
        }
        else if (Property is null)
        {
            WriteObject(item);
        }
        else
        {
            var selected = new PSObject();
            foreach (string name in Property) selected.Properties.Add(new PSNoteProperty(name, item.Properties[name]?.Value));
            WriteObject(selected);
        }
    }
}
