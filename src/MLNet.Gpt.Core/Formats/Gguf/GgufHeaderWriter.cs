using System.Buffers.Binary;
using System.Text;
using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.Gguf;

/// <summary>
/// Builds the header of a GGUF file: magic number, version, keys with their values, and each tensor's name, shape, type
/// and offset.
/// </summary>
/// <remarks>Source: GGML's <c>docs/gguf.md</c>, version 3 of the format, little-endian.</remarks>
internal sealed class GgufHeaderWriter
{
    private readonly MemoryStream _values = new();
    private readonly MemoryStream _tensors = new();
    private long _valueCount;
    private long _tensorCount;
    private long _dataLength;

    /// <summary>Bytes of elements so far, including the padding between tensors.</summary>
    public long DataLength => _dataLength;

    public void Add(string key, string value)
    {
        Key(key, GgufValueType.String);
        Text(_values, value);
    }

    public void Add(string key, uint value)
    {
        Key(key, GgufValueType.UInt32);
        Four(_values, value);
    }

    public void Add(string key, float value)
    {
        Key(key, GgufValueType.Float32);
        Four(_values, BitConverter.SingleToUInt32Bits(value));
    }

    public void Add(string key, bool value)
    {
        Key(key, GgufValueType.Boolean);
        _values.WriteByte(value ? (byte)1 : (byte)0);
    }

    public void Add(string key, IReadOnlyCollection<string> values)
    {
        Array(key, GgufValueType.String, values.Count);
        foreach (string value in values) Text(_values, value);
    }

    public void Add(string key, IReadOnlyCollection<int> values)
    {
        Array(key, GgufValueType.Int32, values.Count);
        foreach (int value in values) Four(_values, (uint)value);
    }

    public void Add(string key, IReadOnlyCollection<float> values)
    {
        Array(key, GgufValueType.Float32, values.Count);
        foreach (float value in values) Four(_values, BitConverter.SingleToUInt32Bits(value));
    }

    /// <summary>Adds a tensor after the previous ones.</summary>
    /// <param name="tensor">The tensor; GGUF lists its dimensions from the innermost.</param>
    /// <param name="type">How its elements are stored.</param>
    public void Add(ExportTensor tensor, TensorDataType type)
    {
        Text(_tensors, tensor.Name);
        Four(_tensors, (uint)tensor.Shape.Count);
        foreach (int size in tensor.Shape.Reverse()) Eight(_tensors, size);
        Four(_tensors, GgufConstants.NumberOf(type));
        Eight(_tensors, _dataLength);
        _dataLength = checked(_dataLength + type.Size(tensor.ElementCount));
        _dataLength += Padding(_dataLength);
        _tensorCount++;
    }

    /// <summary>Returns the header, padded so that elements begin aligned.</summary>
    public byte[] ToArray()
    {
        using var header = new MemoryStream();
        header.Write(GgufConstants.Magic);
        Four(header, GgufConstants.Version);
        Eight(header, _tensorCount);
        Eight(header, _valueCount);
        _values.WriteTo(header);
        _tensors.WriteTo(header);
        header.Write(new byte[Padding(header.Length)]);
        return header.ToArray();
    }

    /// <summary>Returns the number of bytes from a length to the next multiple of the alignment.</summary>
    public static int Padding(long length) => (int)(-length & (GgufConstants.Alignment - 1));

    private void Key(string key, GgufValueType type)
    {
        Text(_values, key);
        Four(_values, (uint)type);
        _valueCount++;
    }

    private void Array(string key, GgufValueType type, int count)
    {
        Key(key, GgufValueType.Array);
        Four(_values, (uint)type);
        Eight(_values, count);
    }

    private static void Text(MemoryStream target, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Eight(target, bytes.Length);
        target.Write(bytes);
    }

    private static void Four(MemoryStream target, uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        target.Write(bytes);
    }

    private static void Eight(MemoryStream target, long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        target.Write(bytes);
    }
}
