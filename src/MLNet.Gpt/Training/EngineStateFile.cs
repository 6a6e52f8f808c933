using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;

namespace MLNet.Gpt.Training;

/// <summary>An engine's state in a file: a safetensors file whose tensors are bytes.</summary>
internal static class EngineStateFile
{
    public static void Write(string path, IReadOnlyDictionary<string, byte[]> state)
    {
        var header = new JsonObject();
        long offset = 0;
        foreach (var (name, bytes) in state)
        {
            header[name] = new JsonObject { ["dtype"] = "U8", ["shape"] = new JsonArray(bytes.LongLength), ["data_offsets"] = new JsonArray(offset, offset + bytes.LongLength) };
            offset += bytes.LongLength;
        }

        byte[] json = Encoding.UTF8.GetBytes(header.ToJsonString()), length = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)json.Length);
        using var stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write);
        stream.Write(length);
        stream.Write(json);
        foreach (byte[] bytes in state.Values) stream.Write(bytes);
        stream.Flush(flushToDisk: true);
    }

    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public static IReadOnlyDictionary<string, byte[]> Read(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            byte[] length = new byte[sizeof(ulong)];
            stream.ReadExactly(length);
            byte[] json = new byte[checked((int)BinaryPrimitives.ReadUInt64LittleEndian(length))];
            stream.ReadExactly(json);
            var state = new Dictionary<string, byte[]>();
            foreach (var (name, tensor) in JsonNode.Parse(json)!.AsObject().OrderBy(pair => (long)pair.Value!["data_offsets"]![0]!))
            {
                byte[] bytes = new byte[(long)tensor!["shape"]![0]!];
                stream.ReadExactly(bytes);
                state.Add(name, bytes);
            }

            return state;
        }
        catch (Exception damaged) when (damaged is EndOfStreamException or OverflowException or NullReferenceException or InvalidOperationException or System.Text.Json.JsonException)
        {
            throw new InvalidDataException($"'{path}' is damaged: {damaged.Message}", damaged);
        }
    }
}
