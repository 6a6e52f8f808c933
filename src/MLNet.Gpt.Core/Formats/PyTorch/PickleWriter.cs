using System.Buffers.Binary;
using System.Text;

namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>
/// Writes a pickle of protocol 2, opcode by opcode, like Python's pickler: every object gets a number in the memo, from
/// which repeated names are fetched.
/// </summary>
/// <remarks>Source: Python's <c>Lib/pickletools.py</c>, which describes each opcode.</remarks>
internal sealed class PickleWriter
{
    private readonly MemoryStream _bytes = new();
    private readonly Dictionary<string, int> _names = new(StringComparer.Ordinal);
    private int _memoized;

    public PickleWriter() => Opcodes(0x80, 2);

    /// <summary>Pushes a function or class.</summary>
    public PickleWriter Global(string module, string name) => Once($"{module}\n{name}\n", text =>
    {
        Opcodes((byte)'c');
        _bytes.Write(Encoding.ASCII.GetBytes(text));
    });

    /// <summary>Pushes a string that is the same object every time.</summary>
    public PickleWriter Name(string text) => Once(text, WriteText);

    /// <summary>Pushes a string that is a new object.</summary>
    public PickleWriter Text(string text)
    {
        WriteText(text);
        Memoize();
        return this;
    }

    /// <summary>Pushes a non-negative integer.</summary>
    public PickleWriter Number(long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        switch (value)
        {
            case <= byte.MaxValue:
                return Opcodes((byte)'K', bytes[0]);
            case <= ushort.MaxValue:
                Opcodes((byte)'M');
                _bytes.Write(bytes[..2]);
                return this;
            case <= int.MaxValue:
                Opcodes((byte)'J');
                _bytes.Write(bytes[..4]);
                return this;
            default: // LONG1: the fewest bytes that leave the sign bit clear
                int length = 8;
                while (bytes[length - 1] == 0 && bytes[length - 2] < 0x80) length--;
                Opcodes(0x8A, (byte)length);
                _bytes.Write(bytes[..length]);
                return this;
        }
    }

    public PickleWriter False() => Opcodes(0x89);

    public PickleWriter EmptyTuple() => Opcodes((byte)')');

    /// <summary>Begins a tuple or a run of items.</summary>
    public PickleWriter Mark() => Opcodes((byte)'(');

    /// <summary>Creates a tuple of everything pushed since the mark.</summary>
    public PickleWriter Tuple() => Opcodes((byte)'t').Memoize();

    /// <summary>Pushes a tuple of numbers.</summary>
    public PickleWriter Tuple(IReadOnlyList<long> numbers)
    {
        if (numbers.Count == 0) return EmptyTuple();
        if (numbers.Count > 3) Mark();
        foreach (long number in numbers) Number(number);
        return numbers.Count > 3 ? Tuple() : Opcodes((byte)(0x84 + numbers.Count)).Memoize(); // TUPLE1, TUPLE2, TUPLE3
    }

    /// <summary>Replaces a function and its tuple of arguments by the result.</summary>
    public PickleWriter Reduce() => Opcodes((byte)'R').Memoize();

    /// <summary>Replaces an id by an object outside the pickle.</summary>
    public PickleWriter Persistent() => Opcodes((byte)'Q');

    /// <summary>Sets the keys and values since the mark in the dictionary before it.</summary>
    public PickleWriter SetItems() => Opcodes((byte)'u');

    /// <summary>Sets one key and value in the dictionary before them.</summary>
    public PickleWriter SetItem() => Opcodes((byte)'s');

    /// <summary>Pushes the object with a number in the memo.</summary>
    public PickleWriter Get(int number) => Numbered((byte)'h', (byte)'j', number);

    /// <summary>The number of the last object created.</summary>
    public int Last => _memoized - 1;

    /// <summary>Ends the pickle.</summary>
    public byte[] ToArray()
    {
        Opcodes((byte)'.');
        return _bytes.ToArray();
    }

    private PickleWriter Once(string key, Action<string> write)
    {
        if (_names.TryGetValue(key, out int number)) return Get(number);
        write(key);
        _names.Add(key, _memoized);
        return Memoize();
    }

    private void WriteText(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        Opcodes((byte)'X');
        _bytes.Write(length);
        _bytes.Write(bytes);
    }

    private PickleWriter Memoize() => Numbered((byte)'q', (byte)'r', _memoized++);

    // BINGET and BINPUT take one byte, LONG_BINGET and LONG_BINPUT four.
    private PickleWriter Numbered(byte shortForm, byte longForm, int number)
    {
        if (number <= byte.MaxValue) return Opcodes(shortForm, (byte)number);
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        Opcodes(longForm);
        _bytes.Write(bytes);
        return this;
    }

    private PickleWriter Opcodes(params ReadOnlySpan<byte> bytes)
    {
        _bytes.Write(bytes);
        return this;
    }
}
