using System.Buffers.Binary;
using System.Text;

namespace MLNet.Gpt.Formats.Onnx;

/// <summary>
/// Writes the fields of a protobuf message, as far as a model's graph needs them, without generated code.
/// </summary>
/// <remarks>Source: protobuf's "Encoding" page: a field is its number and wire type as a varint, then its value.</remarks>
internal sealed class ProtobufWriter
{
    private const int Varint = 0, LengthDelimited = 2, FourBytes = 5;

    private readonly MemoryStream _bytes = new();

    public int Length => (int)_bytes.Length;

    public byte[] ToArray() => _bytes.ToArray();

    public void WriteTo(Stream stream) => _bytes.WriteTo(stream);

    public ProtobufWriter Integer(int field, long value)
    {
        Tag(field, Varint);
        Number((ulong)value);
        return this;
    }

    public ProtobufWriter Single(int field, float value)
    {
        Tag(field, FourBytes);
        Span<byte> bytes = stackalloc byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        _bytes.Write(bytes);
        return this;
    }

    public ProtobufWriter Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    public ProtobufWriter Bytes(int field, ReadOnlySpan<byte> value)
    {
        Prefix(field, value.Length);
        _bytes.Write(value);
        return this;
    }

    public ProtobufWriter Message(int field, ProtobufWriter message)
    {
        Prefix(field, message.Length);
        message.WriteTo(_bytes);
        return this;
    }

    /// <summary>Appends the fields of another message.</summary>
    public ProtobufWriter Append(ProtobufWriter message)
    {
        message.WriteTo(_bytes);
        return this;
    }

    /// <summary>Begins a field with a number of bytes, which the caller writes elsewhere.</summary>
    public ProtobufWriter Prefix(int field, long length)
    {
        Tag(field, LengthDelimited);
        Number((ulong)length);
        return this;
    }

    private void Tag(int field, int wireType) => Number((ulong)((field << 3) | wireType));

    private void Number(ulong value)
    {
        for (; value >= 0x80; value >>= 7) _bytes.WriteByte((byte)(value | 0x80));
        _bytes.WriteByte((byte)value);
    }
}
