using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>
/// Reads Python's pickle format as far as state dicts need it. It knows only the opcodes of plain data, and only the
/// names that <see cref="PickleGlobal"/> lists; anything else is an error that states the name. Nothing is executed: a
/// call of a known name creates one of the records of this folder, or, for anything that is not part of a weight, a
/// <see cref="PickleObject"/>.
/// </summary>
/// <remarks>
/// Source: the description of the opcodes in Python's <c>pickletools</c>, for protocols 0 to 4 as far as torch.save and
/// similar functions use them.
/// </remarks>
internal ref struct PickleReader
{
    private const int MostSteps = 2_000_000;
    private const int MostDimensions = 64;
    private const int LongestBigNumber = 16;
    private const string Advice =
        "Load it in Python, where it was created, and save only the state dict: torch.save(model.state_dict(), \"model.pth\")";

    private readonly string _file;
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly List<object?> _stack = [];
    private readonly Stack<int> _marks = new();
    private readonly Dictionary<int, object?> _memo = [];
    private int _steps;

    private readonly Dictionary<string, StorageReference> _storages;

    private PickleReader(string file, ReadOnlySpan<byte> bytes, int position, Dictionary<string, StorageReference> storages)
    {
        _file = file;
        _storages = storages;
        _bytes = bytes;
        Position = position;
    }

    private int Position { get; set; }

    /// <summary>Reads one object.</summary>
    /// <param name="file">For messages.</param>
    /// <param name="bytes">Contains the pickle.</param>
    /// <param name="position">Where it begins; afterwards, where the bytes after it begin.</param>
    /// <param name="storages">Receives every storage that the pickle refers to.</param>
    /// <exception cref="InvalidDataException">
    /// The pickle is damaged, or contains something that a state dict does not need.
    /// </exception>
    public static object? Read(string file, ReadOnlySpan<byte> bytes, ref int position, Dictionary<string, StorageReference> storages)
    {
        var unpickler = new PickleReader(file, bytes, position, storages);
        object? result = unpickler.Run();
        position = unpickler.Position;
        return result;
    }

    private object? Run()
    {
        while (true)
        {
            byte opcode = Take(1)[0];
            if (opcode == '.') return Pop();
            CountSteps(1);
            if (!TryPushValue(opcode) && !TryChange(opcode))
            {
                throw Invalid($"it has the opcode 0x{opcode:X2}, which state dicts do not need. {Advice}");
            }
        }
    }

    private bool TryPushValue(byte opcode)
    {
        switch (opcode)
        {
            case (byte)'N': return Push(null);
            case 0x88: return Push(true);
            case 0x89: return Push(false);
            case (byte)'J': return Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4)));
            case (byte)'K': return Push((long)Take(1)[0]);
            case (byte)'M': return Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2)));
            case 0x8A: return Push(BigNumber(Take(Take(1)[0])));
            case (byte)'G': return Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8)));
            case (byte)'X': return Push(Text(Take(Length())));
            case 0x8C: return Push(Text(Take(Take(1)[0])));
            case (byte)'T': return Push(Text(Take(Length())));
            case (byte)'U': return Push(Text(Take(Take(1)[0])));
            case (byte)'B': return Push(Take(Length()).ToArray());
            case (byte)'C': return Push(Take(Take(1)[0]).ToArray());
            case (byte)'}': return Push(new PickleDictionary());
            case (byte)']': return Push(new List<object?>());
            case (byte)')': return Push(Array.Empty<object?>());
            case 0x8F: return Push(new PickleObject(PickleGlobal.Set));
            case 0x85: return Push(PopMany(1));
            case 0x86: return Push(PopMany(2));
            case 0x87: return Push(PopMany(3));
            case (byte)'t': return Push(PopToMark());
            case (byte)'c': return Push(Global(Line(), Line()));
            case (byte)'h': return Push(Memo(Take(1)[0]));
            case (byte)'j': return Push(Memo(BinaryPrimitives.ReadInt32LittleEndian(Take(4))));
            case (byte)'Q': return Push(Storage(Pop()));
            default: return false;
        }
    }

    private bool TryChange(byte opcode)
    {
        switch (opcode)
        {
            case 0x80:
                if (Take(1)[0] is > 5 and byte protocol) throw Invalid($"it is of protocol {protocol}");
                return true;
            case 0x95:
                Take(8);
                return true;
            case (byte)'(':
                _marks.Push(_stack.Count);
                return true;
            case (byte)'0':
                Pop();
                return true;
            case (byte)'q':
                _memo[Take(1)[0]] = Top();
                return true;
            case (byte)'r':
                _memo[BinaryPrimitives.ReadInt32LittleEndian(Take(4))] = Top();
                return true;
            case 0x94:
                _memo[_memo.Count] = Top();
                return true;
            case 0x93:
                string name = PopText();
                return Push(Global(PopText(), name));
            case 0x81: // an object of a class, created without its constructor
                object? members = Pop();
                if (Pop() is not PickleGlobal { IsOpaque: true } type || members is not object?[])
                {
                    throw Invalid("it creates an object of something that is not a known class");
                }

                return Push(new PickleObject(type));
            case 0x90:
                PopToMark();
                if (Top() is not PickleObject) throw Invalid("it adds to something that is not a set");
                return true;
            case 0x91:
                PopToMark();
                return Push(new PickleObject(PickleGlobal.Set));
            case (byte)'R':
                object? arguments = Pop();
                return Push(Call(Pop(), arguments));
            case (byte)'b':
                // A dictionary's attributes: the state dict's versions of its modules.
                object? state = Pop();
                if (Top() is PickleObject made)
                {
                    made.State = state as PickleDictionary;
                    return true;
                }

                if (Top() is not PickleDictionary || state is not PickleDictionary)
                {
                    throw Invalid("it sets attributes of something that is not a dictionary");
                }

                return true;
            case (byte)'s':
                object? value = Pop(), key = Pop();
                Set(key, value);
                return true;
            case (byte)'u':
                object?[] pairs = PopToMark();
                if (pairs.Length % 2 != 0) throw Invalid("it sets a key without a value");
                for (int i = 0; i < pairs.Length; i += 2) Set(pairs[i], pairs[i + 1]);
                return true;
            case (byte)'a':
                object? item = Pop();
                Append(item);
                return true;
            case (byte)'e':
                foreach (object? each in PopToMark()) Append(each);
                return true;
            default:
                return false;
        }
    }

    private void CountSteps(int count)
    {
        _steps += count;
        if (_steps > MostSteps) throw Invalid($"it has more than {MostSteps} steps");
    }

    private readonly PickleGlobal Global(string module, string name)
    {
        var global = new PickleGlobal(module, name);
        return global.IsAllowed
            ? global
            : throw Invalid($"it refers to '{global}', which state dicts do not need; nothing was executed. {Advice}");
    }

    private object? Call(object? function, object? arguments)
    {
        if (function is not PickleGlobal global || arguments is not object?[] list) throw Invalid(
            "it calls something that is not a function");
        if (global == PickleGlobal.OrderedDict) return Dictionary(list);
        if (global == PickleGlobal.DefaultDict) return new PickleDictionary();
        if (global == PickleGlobal.Size && list is [object?[] size]) return size;
        if ((global == PickleGlobal.RebuildParameter || global == PickleGlobal.RebuildParameterWithState)
            && list is [TensorReference parameter, ..])
        {
            return parameter;
        }

        if (global.IsOpaque) return new PickleObject(global);
        if ((global == PickleGlobal.RebuildTensor && list.Length == 4) || (global == PickleGlobal.RebuildTensorV2 && list.Length is 6 or 7))
        {
            if (list is [StorageReference storage, long offset, object?[] shape, object?[] strides, ..])
            {
                return new TensorReference(storage, offset, Numbers(shape), Numbers(strides));
            }
        }

        throw Invalid($"it calls '{global}' with arguments that PyTorch does not write");
    }

    private PickleDictionary Dictionary(object?[] arguments)
    {
        var dictionary = new PickleDictionary();
        if (arguments.Length == 0) return dictionary;
        if (arguments is not [List<object?> pairs]) throw Invalid("it makes a dictionary of something else than pairs");
        CountSteps(pairs.Count); // a list can be recalled many times
        foreach (object? pair in pairs)
        {
            var (key, value) = pair switch
            {
                List<object?> { Count: 2 } two => (two[0], two[1]),
                object?[] { Length: 2 } two => (two[0], two[1]),
                _ => throw Invalid("it makes a dictionary of something else than pairs"),
            };
            if (!dictionary.TryAdd(key, value)) throw Invalid($"it sets '{key}' twice");
        }

        return dictionary;
    }

    // ('storage', class, key, device, count), and in the format before zip a view of another storage, which is not read.
    private readonly StorageReference Storage(object? identity)
    {
        if (identity is not object?[] { Length: 5 or 6 } parts
            || parts is not ["storage", PickleGlobal { StorageType: { } type }, string key, string, long count, ..]
            || count < 0 || (parts.Length == 6 && parts[5] is not null))
        {
            throw Invalid("it refers to something that is not the storage of a tensor");
        }

        var storage = new StorageReference(key, type, count);
        if (!_storages.TryAdd(key, storage) && _storages[key] != storage)
        {
            throw Invalid($"it refers to the storage '{key}' with two types or lengths");
        }

        return _storages[key];
    }

    private readonly long[] Numbers(object?[] list)
    {
        if (list.Length > MostDimensions) throw Invalid($"a tensor has {list.Length} dimensions");
        long[] numbers = new long[list.Length];
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = list[i] as long? ?? throw Invalid("a tensor's size or stride is not an integer");
        }

        return numbers;
    }

    private readonly void Set(object? key, object? value)
    {
        if (Top() is PickleObject) return;
        if (Top() is not PickleDictionary dictionary) throw Invalid("it sets a key of something that is not a dictionary");
        if (!dictionary.TryAdd(key, value)) throw Invalid($"it sets '{key}' twice");
    }

    private readonly void Append(object? item)
    {
        if (Top() is PickleObject) return;
        if (Top() is not List<object?> list) throw Invalid("it appends to something that is not a list");
        list.Add(item);
    }

    private readonly object? Memo(int key) =>
        _memo.TryGetValue(key, out object? value) ? value : throw Invalid($"it recalls object {key}, which it has not stored");

    private readonly bool Push(object? value)
    {
        _stack.Add(value);
        return true;
    }

    // Nothing below the latest mark is accessible.
    private readonly object? Top() => _stack.Count > Floor ? _stack[^1] : throw Invalid("it uses a missing object");

    private readonly int Floor => _marks.TryPeek(out int mark) ? mark : 0;

    private readonly object? Pop()
    {
        object? top = Top();
        _stack.RemoveAt(_stack.Count - 1);
        return top;
    }

    private readonly string PopText() => Pop() as string ?? throw Invalid("a name is not a string");

    private readonly object?[] PopMany(int count)
    {
        object?[] items = new object?[count];
        for (int i = count - 1; i >= 0; i--) items[i] = Pop();
        return items;
    }

    private readonly object?[] PopToMark()
    {
        if (!_marks.TryPop(out int mark)) throw Invalid("it ends a group that it has not begun");
        object?[] items = [.. _stack[mark..]];
        _stack.RemoveRange(mark, items.Length);
        return items;
    }

    private int Length() =>
        BinaryPrimitives.ReadUInt32LittleEndian(Take(4)) is <= int.MaxValue and uint length
            ? (int)length
            : throw Invalid("it has a length of more than 31 bits");

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _bytes.Length - Position) throw Invalid("it ends in the middle");
        var taken = _bytes.Slice(Position, count);
        Position += count;
        return taken;
    }

    private string Line()
    {
        int length = _bytes[Position..].IndexOf((byte)'\n');
        if (length < 0) throw Invalid("it ends in the middle");
        string line = Text(Take(length));
        Take(1);
        return line;
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);

    // Little-endian in two's complement. Only the format's magic number, which has 10 bytes, does not fit in 64 bits;
    // it is kept as text.
    private readonly object BigNumber(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > LongestBigNumber) throw Invalid($"it has a number of {bytes.Length} bytes");
        var number = new System.Numerics.BigInteger(bytes);
        return number >= long.MinValue && number <= long.MaxValue ? (long)number : number.ToString(CultureInfo.InvariantCulture);
    }

    private readonly InvalidDataException Invalid(string problem) =>
        new($"'{_file}' is not a usable PyTorch file: at byte {Position} of its pickle {problem}.");
}

/// <summary>Reads consecutive pickles.</summary>
/// <param name="file">For messages.</param>
/// <param name="bytes">Contains the pickles.</param>
internal sealed class PickleSequence(string file, byte[] bytes)
{
    private readonly Dictionary<string, StorageReference> _storages = new(StringComparer.Ordinal);
    private int _position;

    /// <summary>The position after the pickles read so far.</summary>
    public int Position => _position;

    /// <summary>Every storage that the pickles read so far refer to.</summary>
    public IReadOnlyDictionary<string, StorageReference> Storages => _storages;

    /// <summary>Reads the next pickle.</summary>
    /// <exception cref="InvalidDataException">
    /// It is damaged, or contains something that a state dict does not need.
    /// </exception>
    public object? Next() => PickleReader.Read(file, bytes, ref _position, _storages);
}
