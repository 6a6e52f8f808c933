using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Text.RegularExpressions;

namespace MLNet.Gpt.PesterHost.StandIn;

/// <summary>One item of -ForEach: <c>$_</c>, and a variable for each key where it is a dictionary.</summary>
public sealed partial class TestData
{
    private readonly object? _item;
    private readonly bool _given;

    private TestData(object? item, bool given) => (_item, _given) = (item, given);

    public static TestData None { get; } = new(null, given: false);

    /// <summary>One for each item, or a single empty one where -ForEach was not given.</summary>
    public static IEnumerable<TestData> Of(object? forEach, bool given)
    {
        if (!given) return [None];
        var items = LanguagePrimitives.GetEnumerable(forEach)?.Cast<object?>() ?? (forEach is null ? [] : [forEach]);
        return items.Select(item => new TestData(item, given: true));
    }

    /// <summary>Sets the variables in the scope that is running.</summary>
    public void Publish(SessionState state)
    {
        if (!_given) return;
        state.PSVariable.Set("_", _item);
        if (Dictionary is not { } pairs) return;
        foreach (DictionaryEntry pair in pairs) state.PSVariable.Set((string)pair.Key, pair.Value);
    }

    /// <summary>
    /// A name with its <c>&lt;templates&gt;</c> filled in from data, the innermost first; of one with a path,
    /// <c>&lt;a.b&gt;</c>, the properties are followed. Pester evaluates any expression when the test runs; one that is
    /// not in the data is refused here.
    /// </summary>
    public static string Expand(string name, IEnumerable<TestData> data) => Template().Replace(name, match =>
    {
        string path = match.Groups[1].Value;
        string root = path.Split('.')[0];
        var holder = data.FirstOrDefault(item => item.Holds(root))
            ?? throw new NotSupportedException(
                $"The stand-in for Pester fills the name '{name}' from -ForEach; '{path}' is not in the data.");
        return holder.Find(path);
    });

    private IDictionary? Dictionary => (_item is PSObject wrapped ? wrapped.BaseObject : _item) as IDictionary;

    private bool Holds(string name) => _given && (name == "_" || Dictionary?.Contains(name) == true);

    private string Find(string path)
    {
        string[] parts = path.Split('.');
        object? value = parts[0] == "_" ? _item : Dictionary![parts[0]];
        foreach (string part in parts.Skip(1)) value = value is null ? null : PSObject.AsPSObject(value).Properties[part]?.Value;
        return Convert.ToString(value is PSObject wrapped ? wrapped.BaseObject : value, CultureInfo.InvariantCulture) ?? "";
    }

    [GeneratedRegex("(?<!`)<([^>`]+)>")]
    private static partial Regex Template();
}
