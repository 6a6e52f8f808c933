using System.Collections;
using System.Management.Automation;

namespace MLNetGpt.Arguments;

/// <summary>Accepts a flat list of ids as one row; PowerShell would make each id a row.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class TokenRowsAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object[] items = [.. Items(inputData)];
        return items.Length > 0 && items.All(item => Unwrap(item) is not IEnumerable or string) ? new object[] { items } : items;
    }

    private static IEnumerable<object> Items(object data) => Unwrap(data) is IEnumerable list and not string ? list.Cast<object>() : [data];

    private static object Unwrap(object item) => item is PSObject wrapped ? wrapped.BaseObject : item;
}
