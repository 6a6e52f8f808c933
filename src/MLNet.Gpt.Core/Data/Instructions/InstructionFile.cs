using System.Text.Json;

namespace MLNet.Gpt;

/// <summary>Reads instructions and responses from files.</summary>
public static class InstructionFile
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 64 };

    // The names of the fields, in order of preference.
    private static readonly string[] Prompts = ["instruction", "prompt"], Inputs = ["input"];
    private static readonly string[] Responses = ["output", "completion", "response"];

    /// <summary>
    /// Reads a JSON list, or JSON Lines, of objects. Their fields are <c>instruction</c>, <c>input</c> and <c>output</c> as in
    /// Alpaca's data, <c>prompt</c> and <c>completion</c>, or <c>messages</c>, each with <c>role</c> and <c>content</c>: perhaps
    /// one by the system, which then precedes the instruction, one by the user, and one by the assistant. Other fields are
    /// ignored.
    /// </summary>
    /// <param name="path">The file, in UTF-8.</param>
    /// <param name="cancellationToken">Cancels reading.</param>
    /// <exception cref="InvalidDataException">
    /// The file is not such a file, or has no examples; the message names the example, from 0, and the field.
    /// </exception>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    public static IReadOnlyList<InstructionExample> Read(string path, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        string text = TextFile.ReadAllText(path);
        var examples = new List<InstructionExample>();
        string place = "";
        try
        {
            if (text.AsSpan().TrimStart() is ['[', ..])
            {
                using var list = JsonDocument.Parse(text, Strict);
                foreach (var element in list.RootElement.EnumerateArray()) Add(element, $"example {examples.Count}");
            }
            else
            {
                int number = 0;
                foreach (var line in text.AsSpan().EnumerateLines())
                {
                    number++;
                    if (line.IsWhiteSpace()) continue;
                    place = $"line {number}";
                    using var json = JsonDocument.Parse(line.ToString(), Strict);
                    Add(json.RootElement, place);
                }
            }
        }
        catch (Exception error) when (error is JsonException or FormatException or InvalidOperationException)
        {
            string where = place.Length > 0 ? $", {place}" : "";
            throw new InvalidDataException($"'{path}'{where}: {error.Message}", error);
        }

        return examples.Count > 0 ? examples : throw new InvalidDataException($"'{path}' has no examples.");

        void Add(JsonElement element, string where)
        {
            cancellationToken.ThrowIfCancellationRequested();
            place = where;
            examples.Add(Example(element));
        }
    }

    private static InstructionExample Example(JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Object) throw new FormatException($"It is {element.ValueKind} instead of an object.");
        if (element.TryGetProperty("messages", out var messages)) return OfMessages(messages);
        string prompt = Find(element, Prompts) ?? throw Missing(element, Prompts);
        return new(prompt, Find(element, Responses) ?? throw Missing(element, Responses), Find(element, Inputs));
    }

    private static InstructionExample OfMessages(JsonElement messages)
    {
        if (messages.ValueKind != JsonValueKind.Array) throw new FormatException("'messages' is not a list.");
        (string Role, string Text)[] turns = [.. messages.EnumerateArray().Select(each => (Text(each, "role"), Text(each, "content")))];
        return turns switch
        {
            [("user", var prompt), ("assistant", var response)] => new(prompt, response),
            [("system", var system), ("user", var prompt), ("assistant", var response)] => new($"{system}\n\n{prompt}", response),
            _ => throw new FormatException(
                $"'messages' has the roles {string.Join(", ", turns.Select(turn => turn.Role))}; it must have user and assistant, "
                + "perhaps after system."),
        };

        static string Text(JsonElement message, string field) =>
            message.ValueKind == JsonValueKind.Object ? Find(message, [field]) ?? throw Missing(message, [field])
            : throw new FormatException("A message is not an object.");
    }

    private static string? Find(JsonElement element, string[] fields)
    {
        foreach (string field in fields)
        {
            if (!element.TryGetProperty(field, out var value) || value.ValueKind == JsonValueKind.Null) continue;
            return value.ValueKind == JsonValueKind.String
                ? value.GetString()
                : throw new FormatException($"'{field}' is not a text.");
        }

        return null;
    }

    private static FormatException Missing(JsonElement element, string[] fields) => new(
        $"It has no field {string.Join(" or ", fields.Select(field => $"'{field}'"))}; it has "
        + $"{string.Join(", ", element.EnumerateObject().Select(each => each.Name))}.");
}
