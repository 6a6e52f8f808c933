using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace MLNet.Gpt.IO;

/// <summary>A file opened for positional reads, which have no state and are therefore thread-safe.</summary>
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

    /// <summary>The path as given, or the name that messages use for a file without a path.</summary>
    public string Path { get; }

    /// <summary>Length in bytes when the file was opened.</summary>
    public long Length { get; }

    /// <summary>Opens a file. Other processes may replace it but not write to it.</summary>
    /// <exception cref="InvalidDataException">The file is a Git LFS pointer.</exception>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    public static PositionedFile Open(string path)
    {
        var handle = ReadableFile.OpenHandle(path);
        try
        {
            var file = new PositionedFile(path, handle, handle);
            if (!file.IsLfsPointer()) return file;
            throw new InvalidDataException(
                $"'{path}' is a Git LFS pointer, not the file itself; run 'git lfs pull' in the repository to fetch it.");
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Wraps a file that a stream has open; the stream remains its owner.</summary>
    /// <param name="name">The name for messages.</param>
    /// <param name="stream">The stream, whose position is not used.</param>
    public static PositionedFile Of(string name, FileStream stream) => new(name, stream.SafeFileHandle, owner: null);

    /// <summary>
    /// Creates and fills a temporary file, which disappears when it is disposed, or when the process is killed.
    /// </summary>
    /// <param name="name">The name for messages.</param>
    /// <param name="folder">The folder; <see langword="null"/> for the system's temporary folder.</param>
    /// <param name="fill">Writes its contents.</param>
    /// <exception cref="IOException">The folder cannot be written to, or does not have enough space.</exception>
    public static PositionedFile Temporary(string name, string? folder, Action<Stream> fill)
    {
        string path = Aside.In(folder ?? System.IO.Path.GetTempPath());
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, BufferSize = 0 };
        if (OperatingSystem.IsWindows()) options.Options = FileOptions.DeleteOnClose; // by the system, when the last handle is closed
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
            if (!OperatingSystem.IsWindows()) File.Delete(path); // a file without a name exists as long as it is open
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

    /// <summary>Fills the destination.</summary>
    /// <exception cref="InvalidDataException">The file ends too early.</exception>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public void Fill(Span<byte> destination, long offset)
    {
        while (!destination.IsEmpty)
        {
            int read = RandomAccess.Read(_handle, destination, offset);
            if (read == 0)
            {
                throw new InvalidDataException(
                    $"'{Path}' ends at byte {offset}, before the data that its header describes: it is truncated.");
            }

            destination = destination[read..];
            offset += read;
        }
    }

    /// <summary>Opens a stream over the file; closing the stream closes the file.</summary>
    public Stream OpenStream() => new BufferedStream(new PositionedStream(this));

    /// <summary>Reads bytes whose range was checked against <see cref="Length"/>.</summary>
    public byte[] Read(long offset, int count)
    {
        byte[] bytes = new byte[count];
        Fill(bytes, offset);
        return bytes;
    }

    /// <summary>Returns the checksum of the whole file, in hexadecimal.</summary>
    /// <param name="before">Bytes that the checksum includes before the file's first byte.</param>
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

    /// <summary>Reads a whole small file.</summary>
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
