using System.Buffers.Binary;

namespace MLNet.Gpt.Tests.Formats.Hostile;

/// <summary>Damages files like accidents and attackers; the same seed does the same damage.</summary>
internal sealed class Mutator(int seed)
{
    private static readonly long[] Numbers =
        [0, 1, 2, 3, 7, 8, 31, 32, 63, 64, 127, 128, 255, 256, 1023, 4096, 32767, 32768, 65535, 65536,
            int.MaxValue - 1, int.MaxValue, uint.MaxValue, 1L << 32, 1L << 40, long.MaxValue - 7, long.MaxValue, long.MinValue, -1, -2];

    private static readonly byte[] Bytes = [
        0, 1, 0x7F, 0x80, 0xFF, (byte)'"', (byte)'{', (byte)'}', (byte)'[', (byte)'9', (byte)'-', (byte)'.', (byte)'/',
        (byte)'(', (byte)'R', (byte)'u'
    ];

    private readonly Random _random = new(seed);

    /// <summary>Returns a damaged copy.</summary>
    /// <param name="original">The bytes.</param>
    /// <param name="structure">The part that describes the rest; most of the damage is done there.</param>
    /// <param name="changed">
    /// The bytes that were overwritten, or <see langword="null"/> if bytes were inserted or removed.
    /// </param>
    public byte[] Mutate(byte[] original, IReadOnlyList<Range> structure, out HashSet<int>? changed)
    {
        var bytes = new List<byte>(original);
        changed = [];
        for (int count = _random.Next(10) < 7 ? 1 : _random.Next(2, 5); count > 0 && bytes.Count > 0; count--)
        {
            MutateOnce(bytes, structure, ref changed);
        }

        return [.. bytes];
    }

    public int Next(int limit) => _random.Next(limit);

    private void MutateOnce(List<byte> bytes, IReadOnlyList<Range> structure, ref HashSet<int>? changed)
    {
        int at = Place(bytes.Count, structure), length = Math.Min(_random.Next(1, 1 << _random.Next(1, 8)), bytes.Count - at);
        switch (_random.Next(13))
        {
            case 0 or 1 or 2:
                Set(bytes, at, (byte)(bytes[at] ^ (1 << _random.Next(8))), changed);
                break;
            case 3:
                Set(bytes, at, Bytes[_random.Next(Bytes.Length)], changed);
                break;
            case 4:
                Set(bytes, at, (byte)_random.Next(256), changed);
                break;
            case 5 or 6:
                Number(bytes, at, changed);
                break;
            case 7:
                Digits(bytes, at, ref changed);
                break;
            case 8:
                int from = Place(bytes.Count, structure); // overwrite this part with one from elsewhere
                for (int i = 0; i < length && from + i < bytes.Count; i++) Set(bytes, at + i, bytes[from + i], changed);
                break;
            case 9:
                bytes.InsertRange(at, bytes.GetRange(at, length)); // repeat the part
                changed = null;
                break;
            case 10:
                bytes.RemoveRange(at, length);
                changed = null;
                break;
            case 11:
                int end = _random.Next(4) == 0 ? at : bytes.Count - Math.Min(bytes.Count, _random.Next(1, 64));
                bytes.RemoveRange(end, bytes.Count - end);
                changed = null;
                break;
            default:
                byte[] more = new byte[_random.Next(1, 100)];
                if (_random.Next(2) == 0) _random.NextBytes(more);
                bytes.AddRange(more);
                changed = null;
                break;
        }
    }

    private int Place(int length, IReadOnlyList<Range> structure)
    {
        if (structure.Count == 0 || _random.Next(8) == 0) return _random.Next(length);
        var part = structure[_random.Next(structure.Count)];
        int start = part.Start.GetOffset(length), end = part.End.GetOffset(length);
        return Math.Clamp(start + _random.Next(Math.Max(end - start, 1)), 0, length - 1); // parts may have been removed before
    }

    private void Number(List<byte> bytes, int at, HashSet<int>? changed)
    {
        Span<byte> number = stackalloc byte[8];
        long value = _random.Next(3) == 0 ? bytes.Count + _random.Next(-9, 10) : Numbers[_random.Next(Numbers.Length)];
        BinaryPrimitives.WriteInt64LittleEndian(number, value);
        int size = 1 << _random.Next(4);
        for (int i = 0; i < size && at + i < bytes.Count; i++) Set(bytes, at + i, number[i], changed);
    }

    // Adds or changes a digit of a number in text.
    private void Digits(List<byte> bytes, int at, ref HashSet<int>? changed)
    {
        while (at < bytes.Count && bytes[at] is < (byte)'0' or > (byte)'9') at++;
        if (at == bytes.Count) return;
        byte digit = (byte)('0' + _random.Next(10));
        if (_random.Next(2) == 0)
        {
            Set(bytes, at, digit, changed);
            return;
        }

        bytes.Insert(at, digit);
        changed = null;
    }

    private static void Set(List<byte> bytes, int at, byte value, HashSet<int>? changed)
    {
        if (bytes[at] == value) return;
        bytes[at] = value;
        changed?.Add(at);
    }
}
