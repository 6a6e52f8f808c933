using System.Globalization;
using System.Text.Json;
using MLNet.Gpt.Formats.Metadata;

namespace MLNet.Gpt.Evaluation.Tasks;

/// <summary>The fields of one line of a file of questions; errors name the field and the value.</summary>
/// <param name="line">The line's object.</param>
/// <param name="number">The number of the line, from 1.</param>
internal sealed class QuestionReader(JsonElement line, int number)
{
    /// <summary>Whether the line has a field that is not null.</summary>
    public bool Has(string field) => line.Optional(field) is not null;

    /// <summary>Returns the first of these fields that is present, as text; the number of the line if there is none.</summary>
    public string Name(params ReadOnlySpan<string> fields)
    {
        foreach (string field in fields)
        {
            if (line.Optional(field) is { ValueKind: JsonValueKind.String or JsonValueKind.Number } value) return value.ToString();
        }

        return number.ToString(CultureInfo.InvariantCulture);
    }

    /// <exception cref="FormatException">The field is missing.</exception>
    public JsonElement Field(string field) =>
        line.Optional(field) ?? throw new FormatException($"The field '{field}' is missing.");

    /// <exception cref="FormatException">The field is missing or not a text.</exception>
    public string Text(string field) => Text(Field(field), field);

    /// <exception cref="FormatException">The field is missing or not a list of at least two texts.</exception>
    public string[] Texts(string field) => Texts(Field(field), field);

    /// <summary>Returns the index of the right choice, from 0; <see langword="null"/> if the field is absent, empty or −1.</summary>
    /// <param name="field">The field: a number, or a number as text.</param>
    /// <param name="count">The number of choices.</param>
    /// <param name="first">The number of the first choice.</param>
    /// <exception cref="FormatException">The field is not such a number.</exception>
    public int? Answer(string field, int count, int first = 0)
    {
        if (line.Optional(field) is not { } value) return null;
        string text = value.ValueKind == JsonValueKind.String ? value.GetString()!.Trim() : value.GetRawText();
        if (text.Length == 0 || text == "-1") return null;
        bool isNumber = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int answer);
        return isNumber && answer >= first && answer < first + count
            ? answer - first
            : throw Wrong(field, value, $"a number from {first} to {first + count - 1}");
    }

    public static string Text(JsonElement value, string field) =>
        value.ValueKind == JsonValueKind.String ? Decode(value, field) : throw Wrong(field, value, "a text");

    public static string[] Texts(JsonElement value, string field)
    {
        if (value.ValueKind != JsonValueKind.Array) throw Wrong(field, value, "a list of texts");
        string[] texts = [.. value.EnumerateArray().Select(each => Text(each, field))];
        return texts.Length >= 2 ? texts : throw Wrong(field, value, "a list of at least 2 texts");
    }

    public static FormatException Wrong(string field, JsonElement value, string allowed)
    {
        string text = value.GetRawText();
        return new($"'{field}' is {(text.Length <= 60 ? text : text[..60] + "…")}; it must be {allowed}.");
    }

    private static string Decode(JsonElement value, string field)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException) // an unpaired surrogate
        {
            throw Wrong(field, value, "valid Unicode");
        }
    }
}
