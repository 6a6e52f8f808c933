using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Data;

/// <summary>
/// Decodes a text file block by block. <see cref="StreamReader"/> replaces invalid bytes once it has found a byte order
/// mark, whatever the encoding's fallback, and does not say where they are.
/// </summary>
internal sealed class TextFileReader : TextReader
{
    private const int BlockLength = 1 << 15; // so that its characters stay out of the large object heap
    private const int BigEndian = 1201; // the code page of big-endian UTF-16

    private readonly string _path;
    private readonly FileStream _stream;
    private readonly byte[] _bytes;
    private readonly char[] _chars;
    private readonly Encoding _encoding;
    private readonly Decoder _decoder;
    private int _pending; // bytes at the beginning of the block that are not decoded yet
    private int _next, _end; // characters that are decoded and not read
    private bool _isOver;

    /// <param name="path">The file.</param>
    /// <param name="encoding">The encoding of a file without a byte order mark; UTF-8 if <see langword="null"/>.</param>
    /// <param name="blockLength">Maximum number of bytes to read at a time, even and at least 4.</param>
    public TextFileReader(string path, Encoding? encoding, int blockLength = BlockLength)
    {
        _path = path;
        _stream = ReadableFile.OpenStream(path, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        try
        {
            if (_stream.CanSeek && _stream.Length > 0) blockLength = (int)Math.Clamp((_stream.Length + 2) & ~1, 4, blockLength);
            _bytes = new byte[blockLength];
            _pending = _stream.ReadAtLeast(_bytes, blockLength, throwOnEndOfStream: false);
            var first = _bytes.AsSpan(0, _pending);
            (var found, int markLength) = ByteOrderMark(first);
            if (found is null && encoding is null && LooksWide(first))
            {
                throw new InvalidDataException(
                    $"'{path}' is not text in UTF-8: every other byte of its beginning is zero, "
                    + $"as in UTF-16 without a byte order mark. {Advice}");
            }

            _encoding = (Encoding)(found ?? encoding ?? Encoding.UTF8).Clone();
            _encoding.DecoderFallback = DecoderFallback.ExceptionFallback;
            _decoder = _encoding.GetDecoder();
            _chars = new char[_encoding.GetMaxCharCount(blockLength)];
            first[markLength..].CopyTo(_bytes);
            _pending -= markLength;
            BytesRead = markLength;
        }
        catch
        {
            _stream.Dispose();
            throw;
        }
    }

    /// <summary>Bytes of the file that are decoded, from its beginning.</summary>
    public long BytesRead { get; private set; }

    private static string Advice =>
        "Give the encoding that the file is in, such as Encoding.Latin1 or Encoding.Unicode (in PowerShell: -Encoding).";

    public override int Peek() => HasNext() ? _chars[_next] : -1;

    public override int Read() => HasNext() ? _chars[_next++] : -1;

    public override int Read(char[] buffer, int index, int count) => Read(buffer.AsSpan(index, count));

    public override int Read(Span<char> buffer)
    {
        if (!HasNext()) return 0;
        int count = Math.Min(buffer.Length, _end - _next);
        _chars.AsSpan(_next, count).CopyTo(buffer);
        _next += count;
        return count;
    }

    public override int ReadBlock(Span<char> buffer)
    {
        int filled = 0;
        for (int read; filled < buffer.Length && (read = Read(buffer[filled..])) > 0;) filled += read;
        return filled;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _stream.Dispose();
        base.Dispose(disposing);
    }

    private bool HasNext()
    {
        while (_next == _end && !_isOver) Decode();
        return _next < _end;
    }

    private void Decode()
    {
        int count = _pending + _stream.ReadAtLeast(_bytes.AsSpan(_pending), _bytes.Length - _pending, throwOnEndOfStream: false);
        _isOver = count < _bytes.Length;
        int kept = !_isOver && EndsInPair() ? 2 : 0;
        try
        {
            _end = _decoder.GetChars(_bytes.AsSpan(0, count - kept), _chars, flush: _isOver);
        }
        catch (DecoderFallbackException error)
        {
            string bytes = string.Join(' ', (error.BytesUnknown ?? []).Select(each => each.ToString("X2", CultureInfo.InvariantCulture)));
            // Below 0 if the bytes begin in the block before.
            int index = _encoding is UnicodeEncoding ? LoneSurrogate(_bytes.AsSpan(0, count - kept)) : error.Index;
            string message = string.Create(
                CultureInfo.InvariantCulture,
                $"'{_path}' is not valid {_encoding.WebName}: the bytes {bytes} at offset {BytesRead + index}. {Advice}");
            throw new InvalidDataException(message, error);
        }

        _next = 0;
        BytesRead += count - kept;
        _bytes.AsSpan(count - kept, kept).CopyTo(_bytes);
        _pending = kept;
    }

    // Whether the block ends with the first half of a surrogate pair, which then belongs to the next block. After
    // another first half it is unpaired.
    private bool EndsInPair() => _encoding is UnicodeEncoding
        && char.IsHighSurrogate(Utf16(_bytes.AsSpan(_bytes.Length - 2)))
        && !char.IsHighSurrogate(Utf16(_bytes.AsSpan(_bytes.Length - 4)));

    // For an unpaired first half, .NET's UTF-16 decoder reports the position of the next unit, and yet another one at
    // the end of a block.
    private int LoneSurrogate(ReadOnlySpan<byte> block)
    {
        int i = 0;
        for (; i + 1 < block.Length; i += 2)
        {
            char unit = Utf16(block[i..]);
            if (!char.IsSurrogate(unit)) continue;
            bool isPair = char.IsHighSurrogate(unit) && i + 3 < block.Length && char.IsLowSurrogate(Utf16(block[(i + 2)..]));
            if (!isPair) return i;
            i += 2;
        }

        return i; // half a unit at the end
    }

    private char Utf16(ReadOnlySpan<byte> unit) =>
        (char)(_encoding.CodePage == BigEndian
            ? BinaryPrimitives.ReadUInt16BigEndian(unit)
            : BinaryPrimitives.ReadUInt16LittleEndian(unit));

    private static (Encoding? Encoding, int Length) ByteOrderMark(ReadOnlySpan<byte> first) => first switch
    {
        [0xEF, 0xBB, 0xBF, ..] => (Encoding.UTF8, 3),
        [0xFF, 0xFE, 0, 0, ..] => (Encoding.UTF32, 4), // before UTF-16, whose mark begins alike
        [0, 0, 0xFE, 0xFF, ..] => (new UTF32Encoding(bigEndian: true, byteOrderMark: true), 4),
        [0xFF, 0xFE, ..] => (Encoding.Unicode, 2),
        [0xFE, 0xFF, ..] => (Encoding.BigEndianUnicode, 2),
        _ => (null, 0),
    };

    // Latin letters, digits, spaces and punctuation have a zero byte in UTF-16, always on the same side, and zeros are
    // valid UTF-8. Half of that side is enough, because there may be other characters.
    private static bool LooksWide(ReadOnlySpan<byte> bytes)
    {
        Span<int> zeros = stackalloc int[2];
        for (int i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] == 0) zeros[i % 2]++;
        }

        return bytes.Length > 0 && bytes.Length % 2 == 0 && Math.Max(zeros[0], zeros[1]) * 4 >= bytes.Length;
    }
}
