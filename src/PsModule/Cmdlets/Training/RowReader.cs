using System.Collections;
using System.Management.Automation;
using MLNet.Gpt;

namespace MLNetGpt.Cmdlets;

/// <summary>Reads the texts of rows: of objects and their properties, or of hashtables and their keys.</summary>
internal static class RowReader
{
    private static readonly string[] Prompts = ["Instruction", "Prompt"], Inputs = ["Input"], Texts = ["Text"];

    /// <summary>Returns the instruction and the response of a row.</summary>
    /// <param name="row">The row.</param>
    /// <param name="index">Its index, from 0.</param>
    /// <param name="prompt">The property of the instruction; by default Instruction or Prompt.</param>
    /// <param name="input">The property of the input; by default Input, which may be missing.</param>
    /// <param name="response">The property of the response.</param>
    /// <exception cref="ArgumentException">A property is missing or not text; the message names the row and the property.</exception>
    public static InstructionExample Instruction(PSObject row, int index, string? prompt, string? input, string response)
    {
        string? about = input is null ? Find(row, index, Inputs) : Text(row, index, "InputProperty", [input], isOptional: true);
        return new(
            Text(row, index, "PromptProperty", prompt is null ? Prompts : [prompt])!, Text(row, index, "ResponseProperty", [response])!,
            about);
    }

    /// <summary>Returns the text and the label of a row.</summary>
    /// <param name="row">The row.</param>
    /// <param name="index">Its index, from 0.</param>
    /// <param name="text">The property of the text; by default Text.</param>
    /// <param name="label">The property of the label.</param>
    /// <exception cref="ArgumentException">A property is missing or not text; the message names the row and the property.</exception>
    public static LabeledText Labeled(PSObject row, int index, string? text, string label) => new(
        Text(row, index, "TextProperty", text is null ? Texts : [text])!, Text(row, index, "LabelProperty", [label])!);

    private static string? Text(PSObject row, int index, string parameter, string[] names, bool isOptional = false)
    {
        if (!names.Any(name => Has(row, name)))
        {
            string[] own = row.BaseObject is IDictionary keys
                ? [.. keys.Keys.Cast<object>().Select(key => $"{key}")]
                : [.. row.Properties.Select(property => property.Name)];
            throw new ArgumentException(
                FormattableString.Invariant($"Row {index} has no property {string.Join(" or ", names)}, which -{parameter} names; ")
                + $"it has {string.Join(", ", own)}.");
        }

        return Find(row, index, names) ?? (isOptional ? null : throw new ArgumentException(
            FormattableString.Invariant($"The property {names.First(name => Has(row, name))} of row {index} is null.")));
    }

    private static string? Find(PSObject row, int index, string[] names)
    {
        if (names.FirstOrDefault(name => Has(row, name)) is not { } found) return null;
        object? value = row.BaseObject is IDictionary keys ? keys[KeyOf(keys, found)!] : row.Properties[found].Value;
        if (value is PSObject wrapped && wrapped.BaseObject is not PSCustomObject) value = wrapped.BaseObject;
        return value switch
        {
            null => null,
            string text => text,
            char or bool or ValueType => LanguagePrimitives.ConvertTo<string>(value),
            _ => throw new ArgumentException(
                FormattableString.Invariant($"The property {found} of row {index} is a {value.GetType()}, which is not text.")),
        };
    }

    private static bool Has(PSObject row, string name) =>
        row.BaseObject is IDictionary keys ? KeyOf(keys, name) is not null : row.Properties[name] is not null;

    private static object? KeyOf(IDictionary keys, string name) =>
        keys.Keys.Cast<object>().FirstOrDefault(key => name.Equals($"{key}", StringComparison.OrdinalIgnoreCase));
}
