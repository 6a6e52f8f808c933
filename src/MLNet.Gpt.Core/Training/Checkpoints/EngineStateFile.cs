using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using MLNet.Gpt.Formats.Safetensors;

namespace MLNet.Gpt.Training.Checkpoints;

/// <summary>
/// An engine's state in a safetensors file whose tensors are bytes, which the writer for weights does not support.
/// </summary>
internal static class EngineStateFile
{
    public static void Write(Stream stream, IReadOnlyDictionary<string, byte[]> state)
    {
        var header = new JsonObject();
        long offset = 0;
        foreach (var (name, bytes) in state)
        {
            header[name] = new JsonObject
            {
                ["dtype"] = "U8",
                ["shape"] = new JsonArray(bytes.LongLength),
                ["data_offsets"] = new JsonArray(offset, offset + bytes.LongLength),
            };
            offset += bytes.LongLength;
        }

        byte[] json = Encoding.UTF8.GetBytes(header.ToJsonString()), length = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)json.Length);
        stream.Write(length);
        stream.Write(json);
        foreach (byte[] bytes in state.Values) stream.Write(bytes);
    }

    /// <exception cref="InvalidDataException">The file is damaged, or contains something other than bytes.</exception>
    public static IReadOnlyDictionary<string, byte[]> Read(string path)
    {
        using var file = SafetensorsReader.Open(path);
        return file.Tensors.ToDictionary(tensor => tensor.Name, file.ReadBytes);
    }
}
