using System.IO.Compression;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Transforms;

/// <summary>The entries of a package that is read: a zip, or a folder that it was unpacked to.</summary>
internal sealed class PackageEntries : IDisposable
{
    private readonly string _path;
    private readonly ZipArchive? _archive;

    private PackageEntries(string path, ZipArchive? archive) => (_path, _archive) = (path, archive);

    /// <exception cref="InvalidDataException">The file is no whole zip.</exception>
    public static PackageEntries Open(string path)
    {
        if (Directory.Exists(path)) return new(path, null);
        var stream = ReadableFile.OpenStream(path);
        try
        {
            return new(path, new ZipArchive(stream, ZipArchiveMode.Read));
        }
        catch (InvalidDataException error)
        {
            stream.Dispose();
            throw new InvalidDataException($"'{path}' is no package: it is cut off, or no zip at all. {error.Message}", error);
        }
    }

    /// <summary>How messages name an entry.</summary>
    public string Describe(string name) => $"'{name}' of '{_path}'";

    public bool Contains(string name) => _archive is null ? File.Exists(Path.Combine(_path, name)) : _archive.GetEntry(name) is not null;

    /// <summary>Whether an entry's name begins so.</summary>
    public bool ContainsFolder(string name) => _archive is not null && _archive.Entries.Any(entry => entry.FullName.Replace('\\', '/').StartsWith(name + "/", StringComparison.Ordinal));

    /// <summary>Whether some folder has an entry of this name.</summary>
    public bool ContainsInFolder(string name) => _archive is not null && _archive.Entries.Any(entry => entry.FullName.EndsWith("/" + name, StringComparison.Ordinal));

    /// <exception cref="InvalidDataException">There is no such entry, or it cannot be read.</exception>
    public string ReadText(string name)
    {
        try
        {
            using var reader = new StreamReader(Open(name, out _));
            return reader.ReadToEnd();
        }
        catch (EndOfStreamException error)
        {
            throw new InvalidDataException($"{Describe(name)} is cut off.", error);
        }
    }

    /// <summary>Opens an entry for reading front to back.</summary>
    /// <param name="name">The entry.</param>
    /// <param name="file">The path of the entry where it is a file; <see langword="null"/> where it lies in a zip.</param>
    /// <exception cref="InvalidDataException">There is no such entry.</exception>
    public Stream Open(string name, out string? file)
    {
        file = _archive is null ? Path.Combine(_path, name) : null;
        if (!Contains(name)) throw new InvalidDataException($"'{_path}' is no package of a GPT transformer: it lacks '{name}'.");
        return file is not null ? ReadableFile.OpenStream(file) : _archive!.GetEntry(name)!.Open();
    }

    public void Dispose() => _archive?.Dispose();
}
