using System.Globalization;
using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.BuiltIns;

public sealed class SortObjectCommand : PSCmdlet
{
    private readonly List<PSObject> _items = [];

    [Parameter(ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    [Parameter(Position = 0)]
    public string? Property { get; set; }

    [Parameter]
    public SwitchParameter Descending { get; set; }

    [Parameter]
    public SwitchParameter Unique { get; set; }

    protected override void ProcessRecord()
    {
        if (InputObject is not null) _items.Add(InputObject);
    }

    protected override void EndProcessing()
    {
        var order = Comparer<object?>.Create(
            (left, right) => LanguagePrimitives.Compare(left, right, ignoreCase: true, CultureInfo.InvariantCulture));
        object? Key(PSObject item) => Property is null ? item : item.Properties[Property]?.Value;
        var sorted = Descending ? _items.OrderByDescending(Key, order) : _items.OrderBy(Key, order);
        object? before = null;
        bool first = true;
        foreach (var item in sorted)
        {
            object? key = Key(item);
            if (!Unique || first || order.Compare(before, key) != 0) WriteObject(item);
            (before, first) = (key, false);
        }
    }
}
