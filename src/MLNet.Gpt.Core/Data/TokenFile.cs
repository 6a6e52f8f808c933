using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using MLNet.Gpt.Data;
using MLNet.Gpt.IO;

namespace MLNet.Gpt;

/// <summary>
/// Tokens in a file, of which only the requested parts are read, for data larger than memory. Thread-safe.
/// </summary>
/// <remarks>
/// The layout is llm.c's, so that each can read the other's files: a header of 1024 bytes, then each id in 2 bytes, or
/// in 4 bytes for vocabularies over 65,536. The file is read, not mapped into memory, so that truncating it while it is
/// open causes an exception instead of a crash.
/// </remarks>
public sealed class TokenFile : ITokenSource, IDisposable
{
    private const int IdsAtOnce = 1 << 15;

    private readonly TokenFileHeader _header;
    private readonly PositionedFile _file;

    private TokenFile(TokenFileHeader header, PositionedFile file) => (_header, _file) = (header, file);

    /// <summary>The file's path as given.</summary>
    public string Path => _file.Path;

    /// <inheritdoc/>
    public long Count => _header.Count;

    /// <summary>
    /// The vocabulary size that the ids belong to, V; <see langword="null"/> if the file does not say.
    /// </summary>
    public int? VocabularySize => _header.VocabularySize == 0 ? null : _header.VocabularySize;

    /// <summary>Bytes per id: 2 or 4.</summary>
    public int BytesPerToken => _header.BytesPerToken;

    /// <summary>Opens a token file and checks its header against its length.</summary>
    /// <exception cref="InvalidDataException">The file is not a token file or is damaged.</exception>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    public static TokenFile Open(string path)
    {
        var file = PositionedFile.Open(path);
        try
        {
            byte[] start = file.Read(0, (int)Math.Min(file.Length, TokenFileHeader.Length));
            return new(TokenFileHeader.Read(path, start, file.Length), file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">The file was truncated after it was opened.</exception>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public void Read(long start, Span<int> destination)
    {
        TokenRange.Check(start, destination.Length, Count);
        byte[] bytes = ArrayPool<byte>.Shared.Rent(Math.Min(destination.Length, IdsAtOnce) * BytesPerToken);
        try
        {
            for (int done = 0; done < destination.Length;)
            {
                var ids = destination.Slice(done, Math.Min(destination.Length - done, IdsAtOnce));
                var part = bytes.AsSpan(0, ids.Length * BytesPerToken);
                _file.Fill(part, TokenFileHeader.Length + ((start + done) * BytesPerToken));
                Decode(part, ids);
                done += ids.Length;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private void Decode(ReadOnlySpan<byte> bytes, Span<int> ids)
    {
        if (BytesPerToken == sizeof(int))
        {
            MemoryMarshal.Cast<byte, int>(bytes).CopyTo(ids);
            if (!BitConverter.IsLittleEndian) BinaryPrimitives.ReverseEndianness(ids, ids);
            return;
        }

        var narrow = MemoryMarshal.Cast<byte, ushort>(bytes);
        for (int i = 0; i < ids.Length; i++)
        {
            ids[i] = BitConverter.IsLittleEndian ? narrow[i] : BinaryPrimitives.ReverseEndianness(narrow[i]);
        }
    }
}
