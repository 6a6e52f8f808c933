using Microsoft.Win32.SafeHandles;

namespace MLNet.Gpt.IO;

/// <summary>A file open for positional reads, which have no state and so serve many threads. The beginning of every message about it.</summary>
internal sealed class PositionedFile : IDisposable
{
    private readonly SafeFileHandle _handle;

    private PositionedFile(string path, SafeFileHandle handle)
    {
        Path = path;
        _handle = handle;
        Length = RandomAccess.GetLength(handle);
    }

    /// <summary>The path as it was given.</summary>
    public string Path { get; }

    /// <summary>Bytes when it was opened.</summary>
    public long Length { get; }

    /// <summary>Opens a file, which others may replace but not write to.</summary>
    /// <exception cref="IOException">The file is not there or cannot be read.</exception>
    public static PositionedFile Open(string path)
    {
        var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        try
        {
            return new(path, handle);
        }
        catch
        {
            handle.Dispose();
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
            if (read == 0) throw new InvalidDataException($"'{Path}' ends at byte {offset}, before the data that its header places there: it has been cut off.");
            destination = destination[read..];
            offset += read;
        }
    }

    /// <summary>Reads bytes whose place was checked against <see cref="Length"/>.</summary>
    public byte[] Read(long offset, int count)
    {
        byte[] bytes = new byte[count];
        Fill(bytes, offset);
        return bytes;
    }

    /// <summary>Reads a small file whole.</summary>
    /// <exception cref="InvalidDataException">It has more bytes than such a file may have.</exception>
    public static byte[] ReadAll(string path, int limit)
    {
        using var file = Open(path);
        if (file.Length > limit) throw new InvalidDataException($"'{path}' has {file.Length} bytes; at most {limit} are read.");
        return file.Read(0, (int)file.Length);
    }

    public void Dispose() => _handle.Dispose();
}
