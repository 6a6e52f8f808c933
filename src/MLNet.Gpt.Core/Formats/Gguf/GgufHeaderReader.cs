using System.Buffers.Binary;
using System.Text;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.Gguf;

/// <summary>Reads the header of a GGUF file, little-endian, never past the end of the file.</summary>
/// <param name="file">The file.</param>
internal sealed class GgufHeaderReader(PositionedFile file)
{
    private const int BufferSize = 1 << 16;
    private const int LongestString = 1 << 20;
    private const int MostItems = 1 << 21;
    private const int DeepestArray = 4;
    private const long LongestFront = 256 << 20;
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly byte[] _buffer = new byte[(int)Math.Min(file.Length, BufferSize)];
    private long _bufferOffset;
    private int _bufferLength;

    /// <summary>The position of the next byte.</summary>
    public long Position { get; private set; }

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    /// <summary>Reads a 64-bit count or length, which must not exceed a limit.</summary>
    public int Count(int limit, string what)
    {
        ulong count = UInt64();
        return count <= (ulong)limit
            ? (int)count
            : throw Invalid($"it claims {count} {what} at byte {Position - 8}; at most {limit} are allowed");
    }

    /// <summary>Reads text with its length before it.</summary>
    public string Text()
    {
        int length = Count(LongestString, "bytes of text");
        try
        {
            if (length <= _buffer.Length) return StrictUtf8.GetString(Take(length));
            CheckRoom(length);
            string text = StrictUtf8.GetString(file.Read(Position, length));
            Position += length;
            return text;
        }
        catch (DecoderFallbackException)
        {
            throw Invalid($"its text before byte {Position} is not valid UTF-8");
        }
    }

    /// <summary>
    /// Reads a metadata value: a number as <see langword="long"/>, <see langword="ulong"/> if necessary, or
    /// <see langword="double"/>, a text, a Boolean, or an array.
    /// </summary>
    public object Value() => Value(Type(), 0);

    public InvalidDataException Invalid(string problem) => new($"'{file.Path}' is not a usable GGUF file: {problem}.");

    private GgufValueType Type()
    {
        uint type = UInt32();
        return Enum.IsDefined((GgufValueType)type)
            ? (GgufValueType)type
            : throw Invalid($"it has metadata of the unknown type {type} at byte {Position - 4}");
    }

    private object Value(GgufValueType type, int depth) => type switch
    {
        GgufValueType.UInt8 => (long)Take(1)[0],
        GgufValueType.Int8 => (long)(sbyte)Take(1)[0],
        GgufValueType.UInt16 => (long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2)),
        GgufValueType.Int16 => (long)BinaryPrimitives.ReadInt16LittleEndian(Take(2)),
        GgufValueType.UInt32 => (long)UInt32(),
        GgufValueType.Int32 => (long)BinaryPrimitives.ReadInt32LittleEndian(Take(4)),
        GgufValueType.Float32 => (double)BinaryPrimitives.ReadSingleLittleEndian(Take(4)),
        GgufValueType.Boolean =>
            Take(1)[0] switch
            {
                0 => false, 1 => true,
                var other => throw Invalid($"it has the Boolean value {other} at byte {Position - 1}"),
            },
        GgufValueType.String => Text(),
        GgufValueType.Array => Items(depth),
        GgufValueType.UInt64 => Whole(UInt64()),
        GgufValueType.Int64 => BinaryPrimitives.ReadInt64LittleEndian(Take(8)),
        GgufValueType.Float64 => BinaryPrimitives.ReadDoubleLittleEndian(Take(8)),
        _ => throw Check.Undefined(type, nameof(type)),
    };

    private static object Whole(ulong number) => number <= long.MaxValue ? (long)number : number;

    // Only texts and numbers are kept; anything else in an array is skipped.
    private object Items(int depth)
    {
        if (depth == DeepestArray) throw Invalid($"it has arrays nested deeper than {DeepestArray}");
        var type = Type();
        int count = Count(MostItems, "items of an array");
        var texts = new List<string>();
        var numbers = new List<long>();
        var fractions = new List<double>();
        for (int i = 0; i < count; i++)
        {
            object item = Value(type, depth + 1);
            if (item is string text) texts.Add(text);
            else if (item is long number) numbers.Add(number);
            else if (item is double fraction) fractions.Add(fraction);
        }

        return type switch
        {
            GgufValueType.String => texts,
            GgufValueType.Float32 or GgufValueType.Float64 => fractions,
            _ => numbers,
        };
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (Position < _bufferOffset || Position + count > _bufferOffset + _bufferLength)
        {
            CheckRoom(count);
            _bufferOffset = Position;
            _bufferLength = (int)Math.Min(_buffer.Length, file.Length - Position);
            file.Fill(_buffer.AsSpan(0, _bufferLength), Position);
        }

        var taken = _buffer.AsSpan((int)(Position - _bufferOffset), count);
        Position += count;
        return taken;
    }

    private void CheckRoom(int count)
    {
        if (count > file.Length - Position)
        {
            throw Invalid($"it ends at byte {file.Length}, in the middle of its metadata or its list of tensors");
        }

        if (Position > LongestFront) throw Invalid($"its metadata have more than {LongestFront} bytes");
    }
}
