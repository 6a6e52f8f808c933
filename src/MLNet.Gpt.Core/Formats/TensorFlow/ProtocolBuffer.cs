using System.Buffers.Binary;

namespace MLNet.Gpt.Formats.TensorFlow;

/// <summary>Iterates over the fields of a protocol buffer message.</summary>
/// <param name="bytes">The message.</param>
internal ref struct ProtocolBuffer(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>The number of the current field.</summary>
    public int Field { get; private set; }

    /// <summary>Its value, if it is a number.</summary>
    public ulong Number { get; private set; }

    /// <summary>Its bytes, if it is text or a message.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    /// <summary>Whether the field contains bytes instead of a number.</summary>
    public bool HasBytes { get; private set; }

    /// <summary>Reads the next field.</summary>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="FormatException">The message is damaged.</exception>
    public bool Next()
    {
        if (_rest.IsEmpty) return false;
        ulong tag = Variable();
        if (tag >> 3 is 0 or > int.MaxValue) throw new FormatException("a field has an impossible number");
        Field = (int)(tag >> 3);
        HasBytes = (tag & 7) == 2;
        Number = 0;
        Bytes = [];
        switch (tag & 7)
        {
            case 0:
                Number = Variable();
                return true;
            case 1:
                Number = BinaryPrimitives.ReadUInt64LittleEndian(Take(8));
                return true;
            case 2:
                Bytes = Take(Variable());
                return true;
            case 5:
                Number = BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
                return true;
            default:
                throw new FormatException($"a field is of kind {tag & 7}");
        }
    }

    private ulong Variable() =>
        VariableLength.TryRead(ref _rest, out ulong number) ? number : throw new FormatException("a number is damaged");

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)_rest.Length) throw new FormatException("it ends in the middle of a field");
        var taken = _rest[..(int)count];
        _rest = _rest[(int)count..];
        return taken;
    }
}

/// <summary>Numbers with 7 bits per byte, lowest first, as in LevelDB and protocol buffers.</summary>
internal static class VariableLength
{
    /// <summary>Reads a number of up to 64 bits from the beginning of the bytes, and removes it.</summary>
    /// <returns>Whether there was one.</returns>
    public static bool TryRead(ref ReadOnlySpan<byte> bytes, out ulong number)
    {
        number = 0;
        for (int i = 0; i < bytes.Length && i < 10; i++)
        {
            if (i == 9 && bytes[i] > 1) return false;
            number |= (ulong)(bytes[i] & 0x7F) << (7 * i);
            if (bytes[i] >= 0x80) continue;
            bytes = bytes[(i + 1)..];
            return true;
        }

        return false;
    }
}
