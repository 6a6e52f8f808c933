using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace MLNet.Gpt.IO;

/// <summary>
/// A file open for positional reads, which have no state and so serve many threads. The beginning of every message
/// about it.
/// </summary>
internal sealed class PositionedFile : IDisposable
{
    private const int LongestPointer = 1024;

    private readonly SafeFileHandle _handle;
    private readonly IDisposable? _owner;

    private PositionedFile(string path, SafeFileHandle handle, IDisposable? owner)
    {
        Path = path;
        _handle = handle;
        _owner = owner;
        Length = RandomAccess.GetLength(handle);
    }

    /// <summary>The path as it was given, or what a file without one is called in messages.</summary>
    public string Path { get; }

    /// <summary>Bytes when it was opened.</summary>
    public long Length { get; }

    /// <summary>Opens a file, which others may replace but not write to.</summary>
    /// <exception cref="InvalidDataException">Git LFS left a pointer in place of the file.</exception>
    /// <exception cref="IOException">The file is not there or cannot be read.</exception>
    public static PositionedFile Open(string path)
    {
        var handle = ReadableFile.OpenHandle(path);
        try
        {
            var file = new PositionedFile(path, handle, handle);
            if (!file.IsLfsPointer()) return file;
            throw new InvalidDataException(
                $"'{path}' is a pointer of Git LFS, not the file itself; run 'git lfs pull' in the repository to fetch it.");
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>A file that a stream has open; the stream stays its owner.</summary>
    /// <param name="name">What messages call it.</param>
    /// <param name="stream">The stream, whose position is not used.</param>
    public static PositionedFile Of(string name, FileStream stream) => new(name, stream.SafeFileHandle, owner: null);

    /// <summary>A file that is filled now and gone when it is disposed of, also where the process is killed before.</summary>
    /// <param name="name">What messages call it.</param>
    /// <param name="folder">Where it takes up room; <see langword="null"/> for the system's place.</param>
    /// <param name="fill">Writes its contents.</param>
    /// <exception cref="IOException">The folder cannot be written to, or has too little room.</exception>
    public static PositionedFile Temporary(string name, string? folder, Action<Stream> fill)
    {
        string path = Aside.In(folder ?? System.IO.Path.GetTempPath());
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, BufferSize = 0 };
        if (OperatingSystem.IsWindows()) options.Options = FileOptions.DeleteOnClose; // by the system, when the last handle is gone
        else options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        FileStream stream;
        try
        {
            stream = new FileStream(path, options);
        }
        catch (UnauthorizedAccessException error)
        {
            throw WritableTarget.Denied(path, error);
        }

        try
        {
            if (!OperatingSystem.IsWindows()) File.Delete(path); // Without a name, what is open lives as long as it is open.
            fill(stream);
            stream.Flush();
            return new(name, stream.SafeFileHandle, stream);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Reads as many bytes as the destination is long.</summary>
    /// <exception cref="InvalidDataException">The file ends before.</exception>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public void Fill(Span<byte> destination, long offset)
    {
        while (!destination.IsEmpty)
        {
            int read = RandomAccess.Read(_handle, destination, offset);
            if (read == 0)
            {
                throw new InvalidDataException(
                    $"'{Path}' ends at byte {offset}, before the data that its header places there: it has been cut off.");
            }

            destination = destination[read..];
            offset += read;
        }
    }

    /// <summary>Reads the file from its beginning on; closing the stream closes the file.</summary>
    public Stream OpenStream() => new BufferedStream(new PositionedStream(this));

    /// <summary>Reads bytes whose place was checked against <see cref="Length"/>.</summary>
    public byte[] Read(long offset, int count)
    {
        byte[] bytes = new byte[count];
        Fill(bytes, offset);
        return bytes;
    }

    /// <summary>The checksum of the whole file, in hexadecimal digits.</summary>
    /// <param name="before">What the checksum covers before the file's first byte.</param>
    public string Sha256(params IEnumerable<byte[]> before)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (byte[] bytes in before) hash.AppendData(bytes);
        byte[] buffer = new byte[(int)Math.Min(Length, 1 << 20)];
        for (long offset = 0; offset < Length; offset += buffer.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, Length - offset));
            Fill(part, offset);
            hash.AppendData(part);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Reads a small file whole.</summary>
    /// <exception cref="InvalidDataException">It has more bytes than such a file may have.</exception>
    public static byte[] ReadAll(string path, int limit)
    {
        using var file = Open(path);
        return file.ReadAll(limit);
    }

    /// <summary>Reads the whole file, which must be small.</summary>
    /// <exception cref="InvalidDataException">It has more bytes than such a file may have.</exception>
    public byte[] ReadAll(int limit) => Length <= limit
        ? Read(0, (int)Length)
        : throw new InvalidDataException($"'{Path}' has {Length} bytes; at most {limit} are read.");

    public void Dispose() => _owner?.Dispose();

    private bool IsLfsPointer()
    {
        var mark = "version https://git-lfs"u8;
        return Length >= mark.Length && Length <= LongestPointer && Read(0, mark.Length).AsSpan().SequenceEqual(mark);
    }
}
