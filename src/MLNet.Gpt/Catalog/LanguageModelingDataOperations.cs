using Microsoft.ML;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Data;
using MLNet.Gpt.Views;

namespace MLNet.Gpt;

/// <summary>
/// Loads text files as documents, accessed through <c>mlContext.LanguageModeling.Data</c>. Views are lazy: each cursor
/// reads a file when it gets to it, one document at a time. Line breaks are kept as they are in the file. On a byte that
/// is not valid in the encoding the cursor throws an <see cref="InvalidDataException"/> that names the file and the
/// offset.
/// </summary>
public sealed class LanguageModelingDataOperations
{
    internal LanguageModelingDataOperations()
    {
    }

    /// <summary>Loads a file as one document.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Columns and encoding; the defaults if <see langword="null"/>.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public IDataView LoadFromFile(string path, TextLoadingOptions? options = null)
    {
        options ??= new();
        string file = Existing(path);
        return View(options, () => [Document(file, Path.GetFileName(file), options)], rowCount: 1);
    }

    /// <summary>Loads each file in a folder as a document, in the ordinal order of their relative paths.</summary>
    /// <param name="folder">
    /// The folder. Its files are listed now and read later. <see cref="TextFile.Names"/> selects them: no hidden ones,
    /// and none in linked folders.
    /// </param>
    /// <param name="pattern">A pattern for file names, with the wildcards * and ?; case-insensitive.</param>
    /// <param name="recursive">Whether to load files in subfolders too.</param>
    /// <param name="options">Columns and encoding; the defaults if <see langword="null"/>.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="ArgumentException">No file in the folder matches.</exception>
    public IDataView LoadFromFolder(string folder, string pattern = "*.txt", bool recursive = true, TextLoadingOptions? options = null)
    {
        options ??= new();
        string root = Path.GetFullPath(folder);
        var names = TextFile.Names(root, pattern, recursive);
        return View(options, () => names.Select(name => Document(Path.Combine(root, name), name, options)), names.Count);
    }

    /// <summary>
    /// Loads each group of lines of a file as a document. A group that contains only white space is left out. A
    /// document does not include the line break after its last line.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="linesPerDocument">Lines in a group, at least 1; the last group may have fewer.</param>
    /// <param name="options">Columns and encoding; the defaults if <see langword="null"/>.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="linesPerDocument"/> is less than 1.</exception>
    public IDataView LoadFromLines(string path, int linesPerDocument = 1, TextLoadingOptions? options = null)
    {
        Check.AtLeast(linesPerDocument, 1, nameof(linesPerDocument));
        return LoadFromParts(path, options ?? new(), lines => TextLines.InGroups(lines, linesPerDocument));
    }

    /// <summary>
    /// Loads each paragraph of a file as a document; paragraphs are separated by blank lines. A document does not include
    /// the line break after its last line.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Columns and encoding; the defaults if <see langword="null"/>.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public IDataView LoadFromParagraphs(string path, TextLoadingOptions? options = null) =>
        LoadFromParts(path, options ?? new(), TextLines.InParagraphs);

    private static DocumentsView LoadFromParts(string path, TextLoadingOptions options, Func<IEnumerable<string>, IEnumerable<string>> cut)
    {
        string file = Existing(path), name = Path.GetFileName(file);
        return View(
            options,
            () => TextFile.ReadDocuments(file, options.Encoding, cut).Select(text => new TextDocument(name, () => text)),
            rowCount: null);
    }

    private static DocumentsView View(TextLoadingOptions options, Func<IEnumerable<TextDocument>> documents, long? rowCount) =>
        new(options.TextColumnName, options.FileNameColumnName, documents, rowCount);

    private static TextDocument Document(string file, string name, TextLoadingOptions options) =>
        new(name, () => TextFile.ReadAllText(file, options.Encoding));

    private static string Existing(string path) => File.Exists(path)
        ? Path.GetFullPath(path)
        : throw new FileNotFoundException($"There is no file '{path}'.", path);
}
