using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.Importing;

/// <summary>
/// The content at a path: a folder, or a file that is opened once, both to detect its format and to read it.
/// </summary>
internal sealed class ModelContent : IDisposable
{
    private const int SampleSize = 32;

    private readonly PositionedFile? _file;
    private readonly byte[] _start, _end;
    private readonly Dictionary<Type, object?> _parsed = [];
    private bool _isTaken;

    private ModelContent(string path, PositionedFile? file)
    {
        Path = path;
        _file = file;
        int count = (int)Math.Min(SampleSize, file?.Length ?? 0);
        (_start, _end) = file is null ? ([], []) : (file.Read(0, count), file.Read(file.Length - count, count));
    }

    /// <summary>The path as given.</summary>
    public string Path { get; }

    /// <summary>Whether it is a folder.</summary>
    public bool IsFolder => _file is null;

    /// <summary>The folder itself, or the folder that the file is in.</summary>
    public string Folder => IsFolder ? Path : FolderOf(Path);

    /// <summary>The open file.</summary>
    public PositionedFile File => _file ?? throw new InvalidOperationException($"'{Path}' is a folder.");

    /// <summary>The file's first bytes, up to 32; empty for a folder.</summary>
    public ReadOnlySpan<byte> Start => _start;

    /// <summary>The file's last bytes, up to 32; empty for a folder.</summary>
    public ReadOnlySpan<byte> End => _end;

    /// <summary>The first bytes without a UTF-8 byte order mark.</summary>
    public ReadOnlySpan<byte> Text => JsonFile.WithoutMark(_start).Span;

    /// <summary>Returns whether the folder has a file with a name.</summary>
    public bool Contains(string name) => IsFolder && System.IO.File.Exists(System.IO.Path.Combine(Path, name));

    /// <summary>Opens a file, or remembers a folder.</summary>
    /// <exception cref="InvalidDataException">The file is a Git LFS pointer.</exception>
    /// <exception cref="IOException">The path does not exist or cannot be read.</exception>
    public static ModelContent Open(string path)
    {
        if (Directory.Exists(path)) return new(path, null);
        var file = PositionedFile.Open(path);
        try
        {
            return new(path, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Returns the folder of a file.</summary>
    public static string FolderOf(string path) => System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;

    /// <summary>Parses the file once, for all formats that share the same structure.</summary>
    public T? Parsed<T>(Func<PositionedFile, T?> parse)
        where T : class
    {
        if (!_parsed.TryGetValue(typeof(T), out object? parsed)) _parsed.Add(typeof(T), parsed = parse(File));
        return (T?)parsed;
    }

    /// <summary>Transfers ownership of the open file to the caller.</summary>
    public PositionedFile Take()
    {
        _isTaken = true;
        return File;
    }

    /// <summary>Closes the file unless its ownership was transferred.</summary>
    public void Dispose()
    {
        if (!_isTaken) _file?.Dispose();
    }
}
