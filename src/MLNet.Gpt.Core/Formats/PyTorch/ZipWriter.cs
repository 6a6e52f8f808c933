using System.Buffers.Binary;
using System.Text;
using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>
/// Writes a zip archive like <c>torch.save</c>: entries are uncompressed, and their bytes begin at multiples of 64 so
/// that they can be mapped.
/// </summary>
/// <remarks>
/// Source: PKWARE's APPNOTE.TXT 6.3.10; the padding field is that of PyTorch's
/// <c>caffe2/serialize/inline_container.cc</c>.
/// </remarks>
/// <param name="stream">A seekable stream, because an entry's checksum is filled in afterwards.</param>
/// <param name="largest">
/// Sizes and offsets from this one on are written in 64-bit fields; in tests, it is smaller than the format's limit.
/// </param>
internal sealed class ZipWriter(Stream stream, long largest = uint.MaxValue)
{
    private const int Alignment = 64;
    private const ushort LargeField = 1; // the extra field of 64-bit sizes
    private const ushort PaddingField = 0x4246; // "FB"
    private const ushort Version = 20, LargeVersion = 45;
    private const ushort Utf8Names = 0x800;
    private const ushort FirstDay = 0x21; // 1 January 1980, so that the same model gives the same bytes

    private readonly List<Entry> _entries = [];

    /// <summary>Adds an entry of bytes in memory.</summary>
    public void Add(string name, ReadOnlySpan<byte> contents)
    {
        byte[] copy = contents.ToArray();
        Add(name, copy.Length, target => target.Write(copy));
    }

    /// <summary>Adds an entry.</summary>
    /// <param name="name">Its path in the archive.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <param name="write">Writes exactly that many bytes.</param>
    public void Add(string name, long length, Action<Stream> write)
    {
        var entry = new Entry(Encoding.UTF8.GetBytes(name), length, stream.Position);
        byte[] header = LocalHeader(entry);
        stream.Write(header);
        using var counted = new ChecksumStream(stream);
        write(counted);
        if (counted.Length != length)
        {
            throw new InvalidOperationException($"'{name}' should have {length} bytes, but {counted.Length} were written.");
        }

        entry.Checksum = counted.Checksum;
        long end = stream.Position;
        stream.Position = entry.Offset + 14;
        Span<byte> checksum = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(checksum, entry.Checksum);
        stream.Write(checksum);
        stream.Position = end;
        _entries.Add(entry);
    }

    /// <summary>Writes the directory; nothing can be added afterwards.</summary>
    public void Finish()
    {
        long start = stream.Position;
        foreach (var entry in _entries) stream.Write(DirectoryHeader(entry));
        long size = stream.Position - start;
        if (start >= largest || size >= largest) WriteLargeEnd(start, size);

        var end = new Fields();
        end.Four(0x0605_4B50)
            .Two(0)
            .Two(0)
            .Two((ushort)_entries.Count)
            .Two((ushort)_entries.Count)
            .Four(Short(size))
            .Four(Short(start))
            .Two(0);
        stream.Write(end.Bytes);
    }

    private byte[] LocalHeader(Entry entry)
    {
        var extra = new Fields();
        bool isLarge = entry.Length >= largest;
        if (isLarge) extra.Two(LargeField).Two(16).Eight(entry.Length).Eight(entry.Length);
        long unpadded = entry.Offset + 30 + entry.Name.Length + extra.Bytes.Length + 4;
        byte[] padding = new byte[(int)(-unpadded & (Alignment - 1))];
        padding.AsSpan().Fill((byte)'Z');
        extra.Two(PaddingField).Two((ushort)padding.Length).Add(padding);

        var header = new Fields();
        header.Four(0x0403_4B50).Two(isLarge ? LargeVersion : Version).Two(Utf8Names).Two(0).Two(0).Two(FirstDay).Four(0)
            .Four(Short(entry.Length))
                .Four(Short(entry.Length))
                .Two((ushort)entry.Name.Length)
                .Two((ushort)extra.Bytes.Length)
                .Add(entry.Name)
                .Add(extra.Bytes);
        return header.Bytes;
    }

    private byte[] DirectoryHeader(Entry entry)
    {
        var large = new Fields();
        if (entry.Length >= largest) large.Eight(entry.Length).Eight(entry.Length);
        if (entry.Offset >= largest) large.Eight(entry.Offset);
        var extra = new Fields();
        if (large.Bytes.Length > 0) extra.Two(LargeField).Two((ushort)large.Bytes.Length).Add(large.Bytes);
        ushort version = large.Bytes.Length > 0 ? LargeVersion : Version;

        var header = new Fields();
        header.Four(0x0201_4B50).Two(version).Two(version).Two(Utf8Names).Two(0).Two(0).Two(FirstDay).Four(entry.Checksum)
            .Four(Short(entry.Length)).Four(Short(entry.Length)).Two((ushort)entry.Name.Length).Two((ushort)extra.Bytes.Length)
            .Two(0).Two(0).Two(0).Four(0).Four(Short(entry.Offset)).Add(entry.Name).Add(extra.Bytes);
        return header.Bytes;
    }

    private void WriteLargeEnd(long start, long size)
    {
        long at = stream.Position;
        var end = new Fields();
        end.Four(0x0606_4B50)
            .Eight(44)
            .Two(LargeVersion)
            .Two(LargeVersion)
            .Four(0)
            .Four(0)
            .Eight(_entries.Count)
            .Eight(_entries.Count)
            .Eight(size)
            .Eight(start);
        end.Four(0x0706_4B50).Four(0).Eight(at).Four(1);
        stream.Write(end.Bytes);
    }

    // The value that says that a number is in a 64-bit field elsewhere.
    private uint Short(long value) => value >= largest ? uint.MaxValue : (uint)value;

    private sealed class Entry(byte[] name, long length, long offset)
    {
        public byte[] Name { get; } = name;

        public long Length { get; } = length;

        public long Offset { get; } = offset;

        public uint Checksum { get; set; }
    }

    // Writes consecutive little-endian fields of a header.
    private sealed class Fields
    {
        private readonly MemoryStream _bytes = new();

        public byte[] Bytes => _bytes.ToArray();

        public Fields Two(ushort value) => Number(value, 2);

        public Fields Four(uint value) => Number(value, 4);

        public Fields Eight(long value) => Number((ulong)value, 8);

        public Fields Add(byte[] bytes)
        {
            _bytes.Write(bytes);
            return this;
        }

        private Fields Number(ulong value, int size)
        {
            for (int i = 0; i < size; i++) _bytes.WriteByte((byte)(value >> (8 * i)));
            return this;
        }
    }
}

/// <summary>Forwards what is written, counts it, and computes its checksum.</summary>
internal sealed class ChecksumStream(Stream target) : Stream
{
    private long _length;

    public uint Checksum { get; private set; }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => _length;

    public override long Position { get => _length; set => throw new NotSupportedException(); }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        target.Write(buffer);
        Checksum = Crc32.Append(Checksum, buffer);
        _length += buffer.Length;
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() => target.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
