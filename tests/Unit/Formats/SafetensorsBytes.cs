using System.Buffers.Binary;
using System.Text;

namespace MLNet.Gpt.Tests.Formats;

/// <summary>Builds a safetensors file from the format's specification alone: 8 bytes of length, JSON, data.</summary>
internal static class SafetensorsBytes
{
    public static byte[] Of(string json, params byte[] data) => Of(Encoding.UTF8.GetBytes(json), data);

    public static byte[] Of(byte[] json, byte[] data)
    {
        byte[] file = new byte[8 + json.Length + data.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(file, (ulong)json.Length);
        json.CopyTo(file, 8);
        data.CopyTo(file, 8 + json.Length);
        return file;
    }
}
