using System.IO.Compression;
using System.Text;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.PyTorch;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.Package;

/// <summary>
/// The entries of a zip, or of a folder that it was unpacked to, treated as input that may be damaged or hostile: an
/// entry yields no more bytes than the zip's directory states, and the directory may not state more than the file's
/// size can justify.
/// </summary>
internal sealed class PackageEntries : IDisposable
{
    /// <summary>
    /// How many times its size in the file an entry may have. Weights are stored uncompressed; compression would at
    /// best halve them, or quarter them if they were widened from bytes.
    /// </summary>
    public const int MostExpansion = 16;

    private const int AlwaysAllowed = 1 << 20; // bytes that are always allowed
    private const int BufferSize = 1 << 20;
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly string _path;
    private readonly ZipArchive? _archive;
    private readonly Dictionary<string, ZipArchiveEntry> _entries = new(StringComparer.Ordinal);

    private readonly string? _doubled;

    private readonly long _length;

    private PackageEntries(string path, ZipArchive? archive, long length)
    {
        _path = path;
        _length = length;
        _archive = archive;
        foreach (var entry in archive?.Entries ?? [])
        {
            if (!_entries.TryAdd(entry.FullName.Replace('\\', '/'), entry)) _doubled ??= entry.FullName;
        }
    }

    /// <summary>The names of a zip's entries, with slashes.</summary>
    public IEnumerable<string> Names => _entries.Keys;

    /// <exception cref="InvalidDataException">The file is not a complete zip.</exception>
    public static PackageEntries Open(string path)
    {
        if (Directory.Exists(path)) return new(path, archive: null, length: 0);
        var file = PositionedFile.Open(path);
        try
        {
            return Open(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The entries of a file that is being detected, or <see langword="null"/> if it is not a complete zip.
    /// </summary>
    public static PackageEntries? TryOpen(ModelContent content) => content.IsFolder || !ZipDirectory.Begins(content.Start)
        ? null
        : content.Parsed(file =>
        {
            try
            {
                return Open(file);
            }
            catch (InvalidDataException)
            {
                return null;
            }
        });

    // Closing the entries closes the file.
    private static PackageEntries Open(PositionedFile file) => Unpacked(
        file.Path, () => new PackageEntries(file.Path, new ZipArchive(file.OpenStream(), ZipArchiveMode.Read), file.Length));

    /// <summary>Returns the name of an entry for messages.</summary>
    public string PathOf(string name) => $"{_path}/{name}";

    public bool Contains(string name) => _archive is null ? File.Exists(Path.Combine(_path, name)) : _entries.ContainsKey(name);

    /// <summary>Returns whether a zip has a folder with this name.</summary>
    public bool ContainsFolder(string name) => Names.Any(entry => entry.StartsWith(name + "/", StringComparison.Ordinal));

    /// <summary>Returns whether any folder in a zip has an entry with this name.</summary>
    public bool ContainsInFolder(string name) => Names.Any(entry => entry.EndsWith("/" + name, StringComparison.Ordinal));

    /// <summary>Reads a text.</summary>
    /// <param name="name">The entry.</param>
    /// <param name="limit">Its maximum size in bytes.</param>
    /// <exception cref="InvalidDataException">
    /// There is no such entry, or it is too long, damaged, or not valid UTF-8.
    /// </exception>
    public string ReadText(string name, int limit)
    {
        byte[] bytes;
        if (_archive is null)
        {
            CheckContains(name);
            bytes = PositionedFile.ReadAll(Path.Combine(_path, name), limit);
        }
        else
        {
            var entry = Find(name);
            if (entry.Length > limit)
            {
                throw new InvalidDataException($"'{PathOf(name)}' has {entry.Length} bytes; at most {limit} are allowed.");
            }

            using var memory = new MemoryStream((int)entry.Length);
            Copy(name, entry, memory, CancellationToken.None);
            bytes = memory.ToArray();
        }

        try
        {
            var text = bytes.AsSpan();
            return StrictUtf8.GetString(text.StartsWith(Encoding.UTF8.Preamble) ? text[Encoding.UTF8.Preamble.Length..] : text);
        }
        catch (DecoderFallbackException error)
        {
            throw new InvalidDataException($"'{PathOf(name)}' is not valid UTF-8: {error.Message}", error);
        }
    }

    /// <summary>
    /// Opens an entry for reading at any position. An entry of a zip is unpacked to a temporary file.
    /// </summary>
    /// <param name="name">The entry.</param>
    /// <param name="temporaryFolder">
    /// The folder for the temporary file; <see langword="null"/> for the system's temporary folder.
    /// </param>
    /// <param name="cancellationToken">Cancels unpacking.</param>
    /// <exception cref="InvalidDataException">
    /// There is no such entry, or it is damaged or larger than the file can justify.
    /// </exception>
    public PositionedFile OpenFile(string name, string? temporaryFolder, CancellationToken cancellationToken = default)
    {
        CheckContains(name);
        if (_archive is null) return PositionedFile.Open(Path.Combine(_path, name));
        var entry = Find(name);
        return PositionedFile.Temporary(PathOf(name), temporaryFolder, destination => Copy(name, entry, destination, cancellationToken));
    }

    /// <summary>
    /// Checks that an entry of a zip exists, occurs once, and is not larger than the file can justify.
    /// </summary>
    /// <exception cref="InvalidDataException">The check failed.</exception>
    public void Check(string name) => _ = Find(name);

    public void Dispose() => _archive?.Dispose();

    private ZipArchiveEntry Find(string name)
    {
        CheckContains(name);
        var entry = _entries[name];
        long justified = Math.Max(AlwaysAllowed, Math.Min(entry.CompressedLength, _length) * MostExpansion);
        return entry.Length <= justified
            ? entry
            : throw new InvalidDataException(
                $"'{PathOf(name)}' claims {entry.Length} bytes in {entry.CompressedLength}; at most {MostExpansion} "
                + "times as many are allowed.");
    }

    private void CheckContains(string name)
    {
        if (!Contains(name)) throw new InvalidDataException($"'{_path}' is not a GPT transformer package: it lacks '{name}'.");
        if (_doubled is not null) throw new InvalidDataException($"'{_path}' is damaged: it contains '{_doubled}' twice.");
    }

    // .NET verifies neither the length nor the checksum.
    private void Copy(string name, ZipArchiveEntry entry, Stream destination, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[(int)Math.Min(BufferSize, entry.Length + 1)];
        using var source = Unpacked(PathOf(name), entry.Open);
        uint checksum = 0;
        long length = 0;
        for (int count; (count = Unpacked(PathOf(name), () => source.Read(buffer))) > 0; length += count)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (length + count > entry.Length)
            {
                throw Damaged($"it has more than the {Quantity.Of(entry.Length, "byte")} that the zip's directory states");
            }

            checksum = Crc32.Append(checksum, buffer.AsSpan(0, count));
            destination.Write(buffer, 0, count);
        }

        if (length != entry.Length) throw Damaged($"it has {Quantity.Of(length, "byte")}, but the zip's directory states {entry.Length}");
        if (checksum != entry.Crc32) throw Damaged($"its checksum is {checksum:x8}, but the zip's directory states {entry.Crc32:x8}");

        InvalidDataException Damaged(string problem) => new($"'{PathOf(name)}' is damaged: {problem}.");
    }

    private static T Unpacked<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception error) when (error is InvalidDataException or EndOfStreamException or NotSupportedException or ArgumentException)
        {
            throw new InvalidDataException($"'{path}' is truncated, damaged, or not a zip at all: {error.Message}", error);
        }
    }
}
