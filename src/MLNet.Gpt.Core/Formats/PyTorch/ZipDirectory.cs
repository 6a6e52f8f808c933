using System.Buffers.Binary;
using System.Text;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>
/// The directory of a zip archive, at its end, with 64-bit sizes if present. Records are located but never extracted;
/// compressed or encrypted ones are an error. Source: PKWARE's APPNOTE.TXT 6.3, sections 4.3 and 4.5.3.
/// </summary>
internal sealed class ZipDirectory
{
    private const uint LocalSignature = 0x04034B50, EntrySignature = 0x02014B50, EndSignature = 0x06054B50,
        End64Signature = 0x06064B50, Locator64Signature = 0x07064B50;
    private const int LocalSize = 30, EntrySize = 46, EndSize = 22, End64Size = 56, Locator64Size = 20;
    private const int LongestComment = ushort.MaxValue;
    private const int LongestDirectory = 64 << 20;
    private const ushort Extra64 = 1;

    private readonly PositionedFile _file;
    private readonly Dictionary<string, ZipRecord> _records = new(StringComparer.Ordinal);
    private readonly long _directoryOffset;

    private ZipDirectory(PositionedFile file)
    {
        _file = file;
        var (offset, length, count) = FindDirectory();
        if (offset > file.Length || length > file.Length - offset || length > LongestDirectory)
        {
            throw Invalid($"its directory of {length} bytes at {offset} is outside the file or too large.");
        }

        _directoryOffset = offset;
        ReadEntries(file.Read(offset, (int)length), count);
    }

    /// <summary>The length of a zip's magic number.</summary>
    public const int MarkSize = 4;

    /// <summary>The records by name.</summary>
    public IReadOnlyDictionary<string, ZipRecord> Records => _records;

    /// <summary>Returns whether a file that begins like this is a zip archive.</summary>
    public static bool Begins(ReadOnlySpan<byte> start) =>
        start.Length >= MarkSize && BinaryPrimitives.ReadUInt32LittleEndian(start) == LocalSignature;

    /// <exception cref="InvalidDataException">The archive is damaged.</exception>
    public static ZipDirectory Read(PositionedFile file) => new(file);

    /// <summary>Returns where the bytes of a record begin, after checking the record's own header.</summary>
    /// <exception cref="InvalidDataException">
    /// The record is compressed or encrypted, or its header does not match the directory.
    /// </exception>
    public long Locate(ZipRecord record)
    {
        if ((record.Flags & 1) != 0) throw Invalid($"the record '{record.Name}' is encrypted.");
        if (record.Method != 0 || record.PackedLength != record.Length)
        {
            throw Invalid($"the record '{record.Name}' is compressed (method {record.Method}); PyTorch stores records uncompressed.");
        }

        if (record.HeaderOffset > _directoryOffset - LocalSize) throw Invalid($"the record '{record.Name}' is outside the file.");
        Span<byte> header = stackalloc byte[LocalSize];
        _file.Fill(header, record.HeaderOffset);
        int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(header[26..]),
            extraLength = BinaryPrimitives.ReadUInt16LittleEndian(header[28..]);
        long start = record.HeaderOffset + LocalSize + nameLength + extraLength;
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != LocalSignature
            || start > _directoryOffset
            || record.Length > _directoryOffset - start)
        {
            throw Invalid($"the record '{record.Name}' has no header, or extends into the directory.");
        }

        byte[] name = _file.Read(record.HeaderOffset + LocalSize, nameLength);
        if (!name.AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(record.Name)))
        {
            throw Invalid($"the record '{record.Name}' has another name in its own header.");
        }

        return start;
    }

    /// <summary>Reads a whole small record and verifies its checksum.</summary>
    public byte[] ReadAll(ZipRecord record, int limit)
    {
        long start = Locate(record);
        if (record.Length > limit) throw Invalid($"the record '{record.Name}' has {record.Length} bytes; at most {limit} are allowed.");
        Region(record, start).Verify();
        return _file.Read(start, (int)record.Length);
    }

    /// <summary>Returns the bytes of a record with their checksum.</summary>
    public ChecksummedRegion Region(ZipRecord record, long start) =>
        new(_file, $"the record '{record.Name}'", start, record.Length, record.Checksum, Crc32.Append);

    private (long Offset, long Length, long Count) FindDirectory()
    {
        int tailLength = (int)Math.Min(_file.Length, EndSize + LongestComment);
        long tailOffset = _file.Length - tailLength;
        byte[] tail = _file.Read(tailOffset, tailLength);
        for (int at = tailLength - EndSize; at >= 0; at--)
        {
            var end = tail.AsSpan(at);
            if (BinaryPrimitives.ReadUInt32LittleEndian(end) != EndSignature
                || BinaryPrimitives.ReadUInt16LittleEndian(end[20..]) != end.Length - EndSize)
            {
                continue;
            }

            return Read64(tailOffset + at) ?? (
                BinaryPrimitives.ReadUInt32LittleEndian(end[16..]),
                BinaryPrimitives.ReadUInt32LittleEndian(end[12..]),
                BinaryPrimitives.ReadUInt16LittleEndian(end[10..]));
        }

        throw Invalid("it has no directory at its end: the file is truncated or damaged.");
    }

    // A locator right before the end record leads to its 64-bit form.
    private (long Offset, long Length, long Count)? Read64(long endOffset)
    {
        if (endOffset < Locator64Size + End64Size) return null;
        byte[] locator = _file.Read(endOffset - Locator64Size, Locator64Size);
        if (BinaryPrimitives.ReadUInt32LittleEndian(locator) != Locator64Signature) return null;
        ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(locator.AsSpan(8));
        if (offset > (ulong)(endOffset - Locator64Size - End64Size)) throw Invalid("the end of its directory is outside the file.");
        byte[] end = _file.Read((long)offset, End64Size);
        if (BinaryPrimitives.ReadUInt32LittleEndian(end) != End64Signature) throw Invalid("its directory has no end where it should be.");
        return (Number(end.AsSpan(48)), Number(end.AsSpan(40)), Number(end.AsSpan(32)));

        long Number(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt64LittleEndian(bytes) is <= long.MaxValue and ulong number
            ? (long)number
            : throw Invalid("its directory has a length or offset of more than 63 bits.");
    }

    private void ReadEntries(ReadOnlySpan<byte> directory, long count)
    {
        while (!directory.IsEmpty)
        {
            if (directory.Length < EntrySize || BinaryPrimitives.ReadUInt32LittleEndian(directory) != EntrySignature)
            {
                throw Invalid($"its directory is damaged after {_records.Count} records.");
            }

            int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(directory[28..]),
                extraLength = BinaryPrimitives.ReadUInt16LittleEndian(directory[30..]);
            int size = EntrySize + nameLength + extraLength + BinaryPrimitives.ReadUInt16LittleEndian(directory[32..]);
            if (size > directory.Length) throw Invalid($"its directory ends inside record {_records.Count}.");
            string name = Encoding.UTF8.GetString(directory.Slice(EntrySize, nameLength));
            var record = ReadEntry(name, directory, directory.Slice(EntrySize + nameLength, extraLength));
            if (!_records.TryAdd(name, record)) throw Invalid($"it contains the record '{name}' twice.");
            directory = directory[size..];
        }

        if (_records.Count != count) throw Invalid($"its directory lists {_records.Count} records but claims {count}.");
    }

    private ZipRecord ReadEntry(string name, ReadOnlySpan<byte> entry, ReadOnlySpan<byte> extra)
    {
        long packed = BinaryPrimitives.ReadUInt32LittleEndian(entry[20..]),
            length = BinaryPrimitives.ReadUInt32LittleEndian(entry[24..]),
            offset = BinaryPrimitives.ReadUInt32LittleEndian(entry[42..]);
        var numbers = Numbers64(extra);
        if (length == uint.MaxValue) length = Next(ref numbers);
        if (packed == uint.MaxValue) packed = Next(ref numbers);
        if (offset == uint.MaxValue) offset = Next(ref numbers);
        return new(
            name,
            BinaryPrimitives.ReadUInt16LittleEndian(entry[10..]),
            BinaryPrimitives.ReadUInt16LittleEndian(entry[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(entry[16..]),
            packed,
            length,
            offset);

        long Next(ref ReadOnlySpan<byte> numbers)
        {
            if (numbers.Length < 8 || BinaryPrimitives.ReadUInt64LittleEndian(numbers) is not (<= long.MaxValue and ulong number))
            {
                throw Invalid($"the record '{name}' lacks its 64-bit size or offset.");
            }

            numbers = numbers[8..];
            return (long)number;
        }
    }

    private static ReadOnlySpan<byte> Numbers64(ReadOnlySpan<byte> extra)
    {
        while (extra.Length >= 4)
        {
            int size = BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]);
            if (size > extra.Length - 4) break;
            if (BinaryPrimitives.ReadUInt16LittleEndian(extra) == Extra64) return extra.Slice(4, size);
            extra = extra[(4 + size)..];
        }

        return [];
    }

    private InvalidDataException Invalid(string problem) => new($"'{_file.Path}' is not a usable PyTorch file: {problem}");
}

/// <summary>A record of a zip archive as listed in its directory.</summary>
/// <param name="Name">Its name, which is a key and never a path.</param>
/// <param name="Method">The compression method; 0 for none.</param>
/// <param name="Flags">The directory's flags.</param>
/// <param name="Checksum">The checksum of its bytes.</param>
/// <param name="PackedLength">Its size in the archive in bytes.</param>
/// <param name="Length">Its size in bytes.</param>
/// <param name="HeaderOffset">The offset of its own header.</param>
internal sealed record ZipRecord(string Name, int Method, int Flags, uint Checksum, long PackedLength, long Length, long HeaderOffset);
