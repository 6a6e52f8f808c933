using Microsoft.ML;
using MLNet.Gpt.Data;
using MLNet.Gpt.Transforms;

namespace MLNet.Gpt;

/// <summary>
/// Text files as data of documents, had from <c>mlContext.LanguageModeling.Data</c>. Views are lazy: a file is read when a cursor comes to it, one
/// document at a time, and anew by each cursor. Ends of lines are kept as they are in the file.
/// </summary>
public sealed class LanguageModelingDataOperations
{
    internal LanguageModelingDataOperations()
    {
    }

    /// <summary>A file as one document.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Columns and encoding; the defaults where <see langword="null"/>.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public IDataView LoadFromFile(string path, TextLoadingOptions? options = null)
    {
        options ??= new();
        string file = Existing(path);
        return View(options, () => [Document(file, Path.GetFileName(file), options)], rowCount: 1);
    }

    /// <summary>The files of a folder as a document each, in the ordinal order of their relative names.</summary>
    /// <param name="folder">The folder. Its files are listed now, and read later.</param>
    /// <param name="pattern">Which files, with the wildcards * and ?.</param>
    /// <param name="recursive">Whether files of folders within the folder are taken.</param>
    /// <param name="options">Columns and encoding; the defaults where <see langword="null"/>.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="ArgumentException">No file of the folder matches.</exception>
    public IDataView LoadFromFolder(string folder, string pattern = "*.txt", bool recursive = true, TextLoadingOptions? options = null)
    {
        options ??= new();
        string root = Path.GetFullPath(folder);
        string[] names = TextFile.Names(root, pattern, recursive);
        if (names.Length == 0) throw new ArgumentException($"No file of '{folder}' matches '{pattern}'.", nameof(pattern));
        return View(options, () => names.Select(name => Document(Path.Combine(root, name), name, options)), names.Length);
    }

    /// <summary>Groups of lines of a file as a document each; one of nothing but white space is left out. The last line's end is not part of a document.</summary>
    /// <param name="path">The file.</param>
    /// <param name="linesPerDocument">Lines in a group, at least 1; the last may have fewer.</param>
    /// <param name="options">Columns and encoding; the defaults where <see langword="null"/>.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer than 1 line to a document.</exception>
    public IDataView LoadFromLines(string path, int linesPerDocument = 1, TextLoadingOptions? options = null)
    {
        if (linesPerDocument < 1) throw new ArgumentOutOfRangeException(nameof(linesPerDocument), linesPerDocument, $"There are {linesPerDocument} lines to a document; there must be at least 1.");
        return LoadFromParts(path, options ?? new(), lines => TextLines.InGroups(lines, linesPerDocument));
    }

    /// <summary>The paragraphs of a file, parted by blank lines, as a document each. The last line's end is not part of a document.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Columns and encoding; the defaults where <see langword="null"/>.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public IDataView LoadFromParagraphs(string path, TextLoadingOptions? options = null) => LoadFromParts(path, options ?? new(), TextLines.InParagraphs);

    private static DocumentsView LoadFromParts(string path, TextLoadingOptions options, Func<IEnumerable<string>, IEnumerable<string>> cut)
    {
        string file = Existing(path), name = Path.GetFileName(file);
        return View(options, () => TextFile.ReadDocuments(file, options.Encoding, cut).Select(text => new TextDocument(name, () => text)), rowCount: null);
    }

    private static DocumentsView View(TextLoadingOptions options, Func<IEnumerable<TextDocument>> documents, long? rowCount) =>
        new(options.TextColumnName, options.FileNameColumnName, documents, rowCount);

    private static TextDocument Document(string file, string name, TextLoadingOptions options) => new(name, () => TextFile.ReadAll(file, options.Encoding));

    private static string Existing(string path) => File.Exists(path) ? Path.GetFullPath(path) : throw new FileNotFoundException($"There is no file '{path}'.", path);
}
