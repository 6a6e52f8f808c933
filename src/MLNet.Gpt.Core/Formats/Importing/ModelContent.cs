using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.Importing;

/// <summary>
/// What stands at a path: a folder, or a file that is opened once, both to find its format and to read it.
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

    /// <summary>The path as it was given.</summary>
    public string Path { get; }

    /// <summary>Whether it is a folder.</summary>
    public bool IsFolder => _file is null;

    /// <summary>The folder itself, or the folder that the file is in.</summary>
    public string Folder => IsFolder ? Path : FolderOf(Path);

    /// <summary>The open file.</summary>
    public PositionedFile File => _file ?? throw new InvalidOperationException($"'{Path}' is a folder.");

    /// <summary>The file's first bytes, up to 32; none of a folder.</summary>
    public ReadOnlySpan<byte> Start => _start;

    /// <summary>The file's last bytes, up to 32; none of a folder.</summary>
    public ReadOnlySpan<byte> End => _end;

    /// <summary>The first bytes without a UTF-8 byte order mark.</summary>
    public ReadOnlySpan<byte> Text => JsonFile.WithoutMark(_start).Span;

    /// <summary>Whether the folder has a file of a name.</summary>
    public bool Contains(string name) => IsFolder && System.IO.File.Exists(System.IO.Path.Combine(Path, name));

    /// <summary>Opens a file, or remembers a folder.</summary>
    /// <exception cref="InvalidDataException">Git LFS left a pointer in place of the file.</exception>
    /// <exception cref="IOException">Nothing is there, or it cannot be read.</exception>
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

    /// <summary>The folder that a file is in.</summary>
    public static string FolderOf(string path) => System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;

    /// <summary>Parses the file, the first time, for all formats that look into the same structure.</summary>
    public T? Parsed<T>(Func<PositionedFile, T?> parse)
        where T : class
    {
        if (!_parsed.TryGetValue(typeof(T), out object? parsed)) _parsed.Add(typeof(T), parsed = parse(File));
        return (T?)parsed;
    }

    /// <summary>Hands the open file over: the caller closes it.</summary>
    public PositionedFile Take()
    {
        _isTaken = true;
        return File;
    }

    /// <summary>Closes the file unless it was taken.</summary>
    public void Dispose()
    {
        if (!_isTaken) _file?.Dispose();
    }
}
