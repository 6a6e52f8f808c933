using System.Collections;
using System.Management.Automation;
using MLNetGpt.Output;

namespace MLNetGpt.Arguments;

/// <summary>
/// Accepts text as a string, as a property of an object or as a key of a hashtable. PowerShell would convert anything
/// to a string; objects without text are refused here, so that <c>@{Id=1; Text=…}</c> or the digits of token ids are
/// not measured by mistake.
/// </summary>
/// <param name="names">The properties that can hold the text, in order of preference.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class TextArgumentAttribute(params string[] names) : ArgumentTransformationAttribute
{
    /// <summary>The properties of objects that are paths.</summary>
    internal static readonly string[] PathNames = ["PSPath", "FullName", "LiteralPath", "Path"];

    /// <summary>Whether losses of tokens, which have a text, are left to another parameter.</summary>
    public bool LeavesTokenLosses { get; set; }

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        if (inputData is null) return null;
        var texts = new List<string?>();
        Add(texts, inputData);
        return texts.ToArray();
    }

    private void Add(List<string?> texts, object? item)
    {
        object? value = Unwrap(item);
        if (value is LanguageModel) throw NotText("A model is not text; -Model takes it.");
        if (LeavesTokenLosses && TokenLossArgumentAttribute.IsTokenLoss(item)) throw NotText("The loss of a token is not text.");
        if (IsText(value)) texts.Add(value?.ToString());
        else if (IsList(value)) foreach (object? element in (IEnumerable)value!) Add(texts, element);
        else AddProperty(texts, item!, value!);
    }

    private void AddProperty(List<string?> texts, object item, object value)
    {
        var members = value is IDictionary dictionary
            ? dictionary.Keys.Cast<object>().ToDictionary(key => $"{key}", key => dictionary[key], StringComparer.OrdinalIgnoreCase)
            : PropertiesOf(item).ToDictionary(property => property.Name, property => (object?)property, StringComparer.OrdinalIgnoreCase);
        if (names.FirstOrDefault(members.ContainsKey) is not { } name) throw NoText(value, members.Keys);

        object? text = Unwrap(members[name] is PSPropertyInfo property ? property.Value : members[name]);
        if (text is not null && IsText(text)) texts.Add(text.ToString());
        else if (IsList(text) && ((IEnumerable)text!).Cast<object?>().All(element => IsText(Unwrap(element)))) Add(texts, text);
        else throw Refused($"{name} of the {Describe(value)} is {(text is null ? "null" : Describe(text))}, which is not text.");
    }

    // After an exception about a cast, PowerShell tries the parameter at the next position, or the next one that takes
    // the pipeline's input. So with the text from the pipeline the model needs no name.
    private static ArgumentTransformationMetadataException NotText(string message) => new(message, new PSInvalidCastException(message));

    private ArgumentTransformationMetadataException NoText(object value, ICollection<string> members)
    {
        string wanted = string.Join(" or ", names);
        if (value is ValueType)
        {
            return Refused($"The {Describe(value)} is not text. Write it as a string, such as '{value}', if its characters are the text.");
        }

        string kind = value is IDictionary ? "key" : "property";
        string message = $"The {Describe(value)} has no {kind} {wanted}; it has {List(members)}.";

        // After an exception about a cast, PowerShell tries the parameters that take a path from the object's
        // properties.
        return value is not IDictionary && PathNames.Any(members.Contains)
            ? new ArgumentTransformationMetadataException(
                $"{message} A file is given by -Path or -LiteralPath.", new PSInvalidCastException(message))
            : Refused(message);
    }

    private static ArgumentTransformationMetadataException Refused(string message) => new(message);

    // A property that a derived type hides is listed twice.
    private static IEnumerable<PSPropertyInfo> PropertiesOf(object item) =>
        PSObject.AsPSObject(item).Properties.DistinctBy(property => property.Name, StringComparer.OrdinalIgnoreCase);

    private static string Describe(object value) => value is ValueType
        ? FormattableString.Invariant($"{value.GetType()} {value}")
        : value is PSObject ? typeof(PSCustomObject).ToString() : value.GetType().ToString();

    private static string List(ICollection<string> members)
    {
        const int Most = 10;
        if (members.Count == 0) return "none";
        string rest = members.Count > Most ? FormattableString.Invariant($" and {members.Count - Most} more") : "";
        return string.Join(", ", members.Take(Most)) + rest;
    }

    private static bool IsText(object? value) => value is null or string or char;

    private static bool IsList(object? value) => value is IEnumerable and not (string or IDictionary);

    // A custom object is a PSObject that wraps nothing but itself.
    private static object? Unwrap(object? item) =>
        item is PSObject wrapped && wrapped.BaseObject is not PSCustomObject ? wrapped.BaseObject : item;
}
