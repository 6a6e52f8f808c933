using System.Text.Encodings.Web;
using System.Text.Json;

namespace MLNet.Gpt.Formats.Exporting;

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
