using System.IO.Enumeration;
using System.Text;
using MLNet.Gpt.Data;

namespace MLNet.Gpt;

/// <summary>
/// Reads text files, in the same way for every part of the library. Bytes that are not valid in the encoding are an
/// error, and are never replaced.
/// </summary>
/// <remarks>
/// <para>
/// A byte order mark of UTF-8, UTF-16 or UTF-32 determines the encoding and is not part of the text. A file without one
/// is read in the encoding that the caller passes. Without either, it is read as UTF-8, and rejected if it looks like
/// UTF-16 or UTF-32, that is, if at least half of every other byte at its beginning are zero.
/// </para>
/// <para>Line endings are kept as they are in the file.</para>
/// </remarks>
public static class TextFile
{
    /// <summary>Reads a whole file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="encoding">The encoding of a file without a byte order mark; UTF-8 if <see langword="null"/>.</param>
    /// <exception cref="InvalidDataException">A byte is not valid in the encoding; the message names the file and the offset.</exception>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    public static string ReadAllText(string path, Encoding? encoding = null)
    {
        using var reader = new TextFileReader(path, encoding);
        return reader.ReadToEnd();
    }

    /// <summary>
    /// Reads a file line by line, with only a block of it in memory. Lines end with LF, CR LF or CR, and are returned
    /// without their line endings.
    /// </summary>
    /// <inheritdoc cref="ReadAllText"/>
    public static IEnumerable<string> ReadLines(string path, Encoding? encoding = null) =>
        ReadDocuments(path, encoding, lines => lines.Select(line => TextLines.WithoutEnd(line).ToString()));

    /// <summary>
    /// Lists the text files in a folder: their relative paths, separated by <c>/</c>, in ordinal order.
    /// </summary>
    /// <remarks>
    /// The list is the same on every machine. It leaves out files and folders whose names begin with a dot (hidden
    /// ones, and the <c>._</c> files that macOS creates), the folder <c>__MACOSX</c> of its zip archives, and folders
    /// that are links, so that each file is listed once. A file that is a link is listed. The given folder is always
    /// read, whatever its name and even if it is a link.
    /// </remarks>
    /// <param name="folder">The folder.</param>
    /// <param name="pattern">
    /// A pattern for file names, with the wildcards <c>*</c> and <c>?</c>; case-insensitive.
    /// </param>
    /// <param name="recursive">Whether files in subfolders are listed.</param>
    /// <exception cref="DirectoryNotFoundException">The folder does not exist.</exception>
    /// <exception cref="ArgumentException">No file in the folder matches the pattern.</exception>
    public static IReadOnlyList<string> Names(string folder, string pattern = "*.txt", bool recursive = true)
    {
        string expression = FileSystemName.TranslateWin32Expression(pattern);
        var files = new FileSystemEnumerable<string>(
            folder,
            (ref entry) => Path.GetRelativePath(folder, entry.ToSpecifiedFullPath()).Replace(Path.DirectorySeparatorChar, '/'),
            new EnumerationOptions { RecurseSubdirectories = recursive, AttributesToSkip = default, IgnoreInaccessible = false })
        {
            ShouldIncludePredicate = (ref entry) => !entry.IsDirectory && !IsHidden(entry.FileName)
                && FileSystemName.MatchesWin32Expression(expression, entry.FileName, ignoreCase: true),
            ShouldRecursePredicate = (ref entry) => !IsHidden(entry.FileName) && entry.FileName is not "__MACOSX" && !IsLink(ref entry),
        };
        string[] names = [.. files.Order(StringComparer.Ordinal)];
        return names.Length > 0
            ? names
            : throw new ArgumentException(
                $"No file in '{folder}' matches '{pattern}'. Hidden files and linked folders are skipped.", nameof(pattern));
    }

    /// <summary>
    /// Splits a file into documents while reading it; the lines that it is split from include their line endings.
    /// </summary>
    internal static IEnumerable<string> ReadDocuments(string path, Encoding? encoding, Func<IEnumerable<string>, IEnumerable<string>> cut)
    {
        using var reader = new TextFileReader(path, encoding);
        foreach (string document in cut(TextLines.Read(reader))) yield return document;
    }

    private static bool IsHidden(ReadOnlySpan<char> name) => name.StartsWith('.');

    // A folder on a cloud drive is a reparse point too, but not a link.
    private static bool IsLink(ref FileSystemEntry entry) =>
        entry.Attributes.HasFlag(FileAttributes.ReparsePoint) && entry.ToFileSystemInfo().LinkTarget is not null;
}
