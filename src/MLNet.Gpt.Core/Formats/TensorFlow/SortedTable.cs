using System.Buffers.Binary;
using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.TensorFlow;

/// <summary>
/// A sorted table of keys and values, in blocks with checksums, in which a key stores only its difference from the
/// previous one: LevelDB's format, which TensorFlow's checkpoints use for their index. Source: LevelDB's
/// <c>doc/table_format.md</c>.
/// </summary>
internal sealed class SortedTable
{
    private const ulong Magic = 0xDB47_7524_8B80_FB57;
    private const int FooterSize = 48;
    private const int TrailerSize = 5; // the block's compression, and its checksum
    private const int MostEntries = 1_000_000;

    private readonly string _path;
    private readonly byte[] _bytes;

    private SortedTable(string path, byte[] bytes)
    {
        _path = path;
        _bytes = bytes;
    }

    /// <summary>Returns whether a file that ends like this is such a table.</summary>
    public static bool Ends(ReadOnlySpan<byte> end) => end.Length >= 8 && BinaryPrimitives.ReadUInt64LittleEndian(end[^8..]) == Magic;

    /// <summary>Reads every key with its value, in order.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="bytes">The whole file.</param>
    /// <exception cref="InvalidDataException">The table is damaged.</exception>
    public static List<(byte[] Key, byte[] Value)> Read(string path, byte[] bytes) => new SortedTable(path, bytes).Read();

    private List<(byte[] Key, byte[] Value)> Read()
    {
        if (_bytes.Length < FooterSize || !Ends(_bytes))
        {
            throw Invalid("it does not end like such a table: it is truncated or of another format");
        }

        var footer = new TableReader(_bytes.AsSpan(_bytes.Length - FooterSize, FooterSize - 8), this);
        footer.Handle(); // of a block of additional data, which checkpoints do not have
        var entries = new List<(byte[] Key, byte[] Value)>();
        long end = 0;
        foreach (var (_, handle) in Block(footer.Handle()))
        {
            var (offset, size) = new TableReader(handle, this).Handle();
            if (offset < end) throw Invalid($"its block at {offset} overlaps the one before it");
            end = offset + size + TrailerSize;
            foreach (var entry in Block((offset, size)))
            {
                if (entries.Count == MostEntries) throw Invalid($"it has more than {MostEntries} entries");
                if (entries.Count > 0 && entries[^1].Key.AsSpan().SequenceCompareTo(entry.Key) >= 0)
                {
                    throw Invalid("its keys are not in order");
                }

                entries.Add(entry);
            }
        }

        return entries;
    }

    private List<(byte[] Key, byte[] Value)> Block((long Offset, long Size) handle)
    {
        var (offset, size) = handle;
        long room = _bytes.Length - FooterSize - TrailerSize;
        if (offset > room || size > room - offset || size < 4)
        {
            throw Invalid($"its block of {size} bytes at {offset} is outside the file");
        }

        var block = _bytes.AsSpan((int)offset, (int)size + 1);
        uint stored = BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan((int)(offset + size + 1)));
        if (Crc32C.Append(0, block) != Crc32C.Unmask(stored)) throw Invalid($"the checksum of its block at {offset} does not match");
        if (block[^1] != 0)
        {
            throw Invalid(
                $"its block at {offset} is compressed (kind {block[^1]}); TensorFlow does not compress the blocks of a checkpoint");
        }

        block = block[..^1];

        // At the end are restart positions, where keys are complete, for a search that is not needed here.
        long places = BinaryPrimitives.ReadUInt32LittleEndian(block[^4..]);
        if (4 * (places + 1) > block.Length) throw Invalid($"its block at {offset} is damaged");
        return Entries(block[..^(int)(4 * (places + 1))]);
    }

    private List<(byte[] Key, byte[] Value)> Entries(ReadOnlySpan<byte> bytes)
    {
        var entries = new List<(byte[] Key, byte[] Value)>();
        byte[] key = [];
        for (var reader = new TableReader(bytes, this); !reader.IsAtEnd;)
        {
            long shared = reader.Number(), own = reader.Number(), value = reader.Number();
            if (shared > key.Length || shared + own > TableReader.LongestKey) throw Invalid("one of its keys is damaged");
            key = [.. key.AsSpan(0, (int)shared), .. reader.Bytes(own)];
            entries.Add((key, reader.Bytes(value).ToArray()));
        }

        return entries;
    }

    private InvalidDataException Invalid(string problem) => new($"'{_path}' is not a usable TensorFlow checkpoint index: {problem}.");

    private ref struct TableReader(ReadOnlySpan<byte> bytes, SortedTable table)
    {
        public const int LongestKey = 4096;

        private ReadOnlySpan<byte> _rest = bytes;

        public readonly bool IsAtEnd => _rest.IsEmpty;

        public long Number() =>
            VariableLength.TryRead(ref _rest, out ulong number) && number <= long.MaxValue
                ? (long)number
                : throw table.Invalid("one of its numbers is damaged");

        public (long Offset, long Size) Handle() => (Number(), Number());

        public ReadOnlySpan<byte> Bytes(long count)
        {
            if (count > _rest.Length) throw table.Invalid("one of its blocks ends in the middle of an entry");
            var taken = _rest[..(int)count];
            _rest = _rest[(int)count..];
            return taken;
        }
    }
}
