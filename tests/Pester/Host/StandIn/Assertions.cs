using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Text.RegularExpressions;

namespace MLNet.Gpt.PesterHost.StandIn;

/// <summary>The comparisons behind Should, with PowerShell's own rules for each operator.</summary>
internal static class Assertions
{
    /// <summary>What <c>@(value)</c> is.</summary>
    public static object?[] Enumerate(object? value) => value is null
        ? [null]
        : LanguagePrimitives.GetEnumerable(value) is { } items ? [.. items.Cast<object?>()] : [value];

    /// <summary>Equal as -eq has it; arrays element by element, at any depth.</summary>
    public static bool AreEqual(object? first, object? second, bool ignoreCase)
    {
        object?[] left = Enumerate(first), right = Enumerate(second);
        bool leftEmpty = left is [] or [null], rightEmpty = right is [] or [null];
        if (leftEmpty || rightEmpty) return leftEmpty && rightEmpty;
        if (left.Length != right.Length) return false;
        for (int i = 0; i < left.Length; i++)
        {
            bool nested = Unwrap(left[i]) is Array || Unwrap(right[i]) is Array;
            bool equal = nested
                ? AreEqual(left[i], right[i], ignoreCase)
                : LanguagePrimitives.Equals(right[i], left[i], ignoreCase, CultureInfo.InvariantCulture);
            if (!equal) return false;
        }

        return true;
    }

    /// <summary>The order that -lt and -gt go by.</summary>
    public static int Compare(object? actual, object? expected) =>
        LanguagePrimitives.Compare(actual, expected, ignoreCase: true, CultureInfo.InvariantCulture);

    public static bool Contains(object?[] items, object? value) =>
        items.Any(item => LanguagePrimitives.Equals(item, value, ignoreCase: true, CultureInfo.InvariantCulture));

    public static bool IsNullOrEmpty(object?[] items) => items switch
    {
        [] => true,
        [var only] =>
            Unwrap(only) is IDictionary dictionary
                ? dictionary.Count == 0
                : string.IsNullOrEmpty(LanguagePrimitives.ConvertTo<string>(only)),
        _ => false,
    };

    public static bool IsLike(object? actual, object? pattern) =>
        WildcardPattern.Get(LanguagePrimitives.ConvertTo<string>(pattern), WildcardOptions.IgnoreCase)
            .IsMatch(LanguagePrimitives.ConvertTo<string>(actual));

    public static bool Matches(object? actual, string pattern, bool ignoreCase) =>
        Regex.IsMatch(LanguagePrimitives.ConvertTo<string>(actual), pattern, ignoreCase ? RegexOptions.IgnoreCase : RegexOptions.None);

    /// <summary>The type by itself, by its name in brackets or bare, or, where no type has the name, by the object's type names.</summary>
    public static bool IsOfType(object? actual, object expected)
    {
        if (Unwrap(expected) is Type type) return type.IsInstanceOfType(Unwrap(actual));
        string name = LanguagePrimitives.ConvertTo<string>(expected).Trim('[', ']');
        if (LanguagePrimitives.TryConvertTo(name, out Type named)) return named.IsInstanceOfType(Unwrap(actual));
        return actual is not null && PSObject.AsPSObject(actual).TypeNames.Any(known => IsLike(known, WildcardPattern.Escape(name)));
    }

    public static string Format(object? value) => Unwrap(value) switch
    {
        null => "$null",
        string text => $"'{text}'",
        bool flag => flag ? "$true" : "$false",
        Array items => $"@({string.Join(", ", items.Cast<object?>().Select(Format))})",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        var other => $"[{other.GetType().Name}] {other}",
    };

    private static object? Unwrap(object? value) => value is PSObject wrapped ? wrapped.BaseObject : value;
}
