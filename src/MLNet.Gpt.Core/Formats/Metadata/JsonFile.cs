using System.Text.Encodings.Web;
using System.Text.Json;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.Metadata;

/// <summary>A JSON file that may hold anything: bounded in size, an object at its top, no name twice.</summary>
internal static class JsonFile
{
    private const int LongestStart = 64;

    private static ReadOnlySpan<byte> Mark => "\uFEFF"u8;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 64 };

    /// <summary>Reads from the file what <paramref name="read"/> takes out of it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limit">Most bytes that it may have.</param>
    /// <param name="read">Looks at the object.</param>
    /// <exception cref="InvalidDataException">
    /// It is no such file, or holds something else than <paramref name="read"/> asks for.
    /// </exception>
    public static T Read<T>(string path, int limit, Func<JsonElement, T> read)
    {
        using var file = PositionedFile.Open(path);
        return Read(file, limit, read);
    }

    /// <summary>Reads from an open file what <paramref name="read"/> takes out of it.</summary>
    /// <inheritdoc cref="Read{T}(string, int, Func{JsonElement, T})" path="/param[@name!='path']|/exception"/>
    public static T Read<T>(PositionedFile file, int limit, Func<JsonElement, T> read)
    {
        string path = file.Path;
        byte[] bytes = file.ReadAll(limit);
        if (bytes.Length == 0) throw new InvalidDataException($"'{path}' is empty.");
        try
        {
            using var document = JsonDocument.Parse(WithoutMark(bytes), Strict);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new JsonException($"It holds {document.RootElement.ValueKind} where an object belongs.");
            }

            return read(document.RootElement);
        }
        catch (Exception error) when (
            error is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or ArgumentException)
        {
            throw new InvalidDataException($"'{path}' is not the JSON that belongs there: {error.Message}", error);
        }
    }

    /// <summary>Whether a file begins as a JSON object does.</summary>
    public static bool Begins(PositionedFile file)
    {
        byte[] start = file.Read(0, (int)Math.Min(LongestStart, file.Length));
        return WithoutMark(start).Span.TrimStart(" \t\r\n"u8) is [(byte)'{', ..];
    }

    /// <summary>Text without the UTF-8 byte order mark that Windows' editors put before it.</summary>
    public static ReadOnlyMemory<byte> WithoutMark(byte[] text) => text.AsMemory(text.AsSpan().StartsWith(Mark) ? Mark.Length : 0);

    /// <summary>A property, or <see langword="null"/> if it is absent or null.</summary>
    public static JsonElement? Optional(this JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>A whole number, of the first of these names that is there.</summary>
    /// <exception cref="JsonException">It is absent or no whole number that fits.</exception>
    public static int Integer(this JsonElement parent, params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (parent.Optional(name) is not { } value) continue;
            if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number)) return number;
            throw new JsonException($"'{name}' is {value.GetRawText()}, which is no whole number of 32 bits.");
        }

        throw new JsonException($"It lacks '{names[0]}'.");
    }
}

/// <summary>
/// Makes JSON files as Python's programs write them: two blanks of indentation or none, only what must be escaped, a
/// line's end at the end.
/// </summary>
internal static class JsonFileWriter
{
    /// <summary>An object's bytes.</summary>
    /// <param name="writeProperties">Writes its properties.</param>
    /// <param name="indented">Whether each property has a line of its own.</param>
    public static byte[] Write(Action<Utf8JsonWriter> writeProperties, bool indented = true)
    {
        var options = new JsonWriterOptions { Indented = indented, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, options))
        {
            json.WriteStartObject();
            writeProperties(json);
            json.WriteEndObject();
        }

        buffer.WriteByte((byte)'\n');
        return buffer.ToArray();
    }
}
