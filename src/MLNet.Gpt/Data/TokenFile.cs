using System.Buffers;
using System.IO.MemoryMappedFiles;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Data;

/// <summary>
/// Tokens in a file that is mapped into memory: of data larger than memory, the parts that are read are the parts that are loaded. Safe for use by many
/// threads.
/// </summary>
/// <remarks>
/// The layout is llm.c's, so that its files can be read here and the other way round: a header of 1024 bytes, then each id in 2 bytes, or in 4
/// where the vocabulary is over 65,536. The file must not be cut short while it is open.
/// </remarks>
public sealed class TokenFile : ITokenSource, IDisposable
{
    private readonly TokenFileHeader _header;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    private TokenFile(string path, TokenFileHeader header, MemoryMappedFile file)
    {
        (Path, _header, _file) = (path, header, file);
        _view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
    }

    /// <summary>The file's path as it was given.</summary>
    public string Path { get; }

    /// <inheritdoc/>
    public long Count => _header.Count;

    /// <summary>The vocabulary size that the ids belong to, V; <see langword="null"/> where the file does not tell.</summary>
    public int? VocabularySize => _header.VocabularySize == 0 ? null : _header.VocabularySize;

    /// <summary>Bytes that an id takes: 2 or 4.</summary>
    public int BytesPerToken => _header.BytesPerToken;

    /// <summary>Opens a token file and checks its header against its length.</summary>
    /// <exception cref="InvalidDataException">It is no token file, or damaged.</exception>
    /// <exception cref="IOException">It is not there or cannot be read.</exception>
    public static TokenFile Open(string path)
    {
        var stream = ReadableFile.OpenStream(path);
        try
        {
            byte[] start = new byte[TokenFileHeader.Length];
            int read = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
            var header = TokenFileHeader.Read(path, start.AsSpan(0, read), stream.Length);
            return new(path, header, MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false));
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public void Read(long start, Span<int> destination)
    {
        TokenRange.Check(start, destination.Length, Count);
        ulong offset = (ulong)(TokenFileHeader.Length + (start * BytesPerToken));
        if (BytesPerToken == sizeof(int))
        {
            _view.SafeMemoryMappedViewHandle.ReadSpan(offset, destination);
            return;
        }

        ushort[] rented = ArrayPool<ushort>.Shared.Rent(destination.Length);
        var narrow = rented.AsSpan(0, destination.Length);
        _view.SafeMemoryMappedViewHandle.ReadSpan(offset, narrow);
        for (int i = 0; i < destination.Length; i++) destination[i] = narrow[i];
        ArrayPool<ushort>.Shared.Return(rented);
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }
}
