using System.Text.Encodings.Web;
using System.Text.Json;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.Metadata;

/// <summary>
/// Reads JSON files with arbitrary content: limited in size, with an object at the top and no duplicate names.
/// </summary>
internal static class JsonFile
{
    private const int LongestStart = 64;

    private static ReadOnlySpan<byte> Mark => "\uFEFF"u8;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 64 };

    /// <summary>Reads a file with <paramref name="read"/>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limit">Its maximum size in bytes.</param>
    /// <param name="read">Reads the object.</param>
    /// <exception cref="InvalidDataException">
    /// The file is not such a file, or does not contain what <paramref name="read"/> requires.
    /// </exception>
    public static T Read<T>(string path, int limit, Func<JsonElement, T> read)
    {
        using var file = PositionedFile.Open(path);
        return Read(file, limit, read);
    }

    /// <summary>Reads an open file with <paramref name="read"/>.</summary>
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
                throw new JsonException($"It contains {document.RootElement.ValueKind} instead of an object.");
            }

            return read(document.RootElement);
        }
        catch (Exception error) when (
            error is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or ArgumentException)
        {
            throw new InvalidDataException($"'{path}' is not the expected JSON: {error.Message}", error);
        }
    }

    /// <summary>Returns whether a file begins like a JSON object.</summary>
    public static bool Begins(PositionedFile file)
    {
        byte[] start = file.Read(0, (int)Math.Min(LongestStart, file.Length));
        return WithoutMark(start).Span.TrimStart(" \t\r\n"u8) is [(byte)'{', ..];
    }

    /// <summary>Returns text without the UTF-8 byte order mark that Windows editors add.</summary>
    public static ReadOnlyMemory<byte> WithoutMark(byte[] text) => text.AsMemory(text.AsSpan().StartsWith(Mark) ? Mark.Length : 0);

    /// <summary>Returns a property, or <see langword="null"/> if it is absent or null.</summary>
    public static JsonElement? Optional(this JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>Returns a number.</summary>
    /// <exception cref="JsonException">It is absent or not a number.</exception>
    public static double Number(this JsonElement parent, string name)
    {
        if (parent.Optional(name) is not { } value) throw new JsonException($"It lacks '{name}'.");
        return value.ValueKind == JsonValueKind.Number
            ? value.GetDouble() : throw new JsonException($"'{name}' is {value.GetRawText()}, which is not a number.");
    }

    /// <summary>Returns an integer, from the first of these names that is present.</summary>
    /// <exception cref="JsonException">It is absent or not a 32-bit integer.</exception>
    public static int Integer(this JsonElement parent, params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (parent.Optional(name) is not { } value) continue;
            if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number)) return number;
            throw new JsonException($"'{name}' is {value.GetRawText()}, which is not a 32-bit integer.");
        }

        throw new JsonException($"It lacks '{names[0]}'.");
    }
}

/// <summary>
/// Writes JSON files like Python programs: an indentation of two spaces or none, minimal escaping, a line ending at the
/// end.
/// </summary>
internal static class JsonFileWriter
{
    /// <summary>Returns the bytes of an object.</summary>
    /// <param name="writeProperties">Writes its properties.</param>
    /// <param name="indented">Whether each property is on a separate line.</param>
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
