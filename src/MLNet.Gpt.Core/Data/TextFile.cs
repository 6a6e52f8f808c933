using System.IO.Enumeration;
using System.Text;
using MLNet.Gpt.Data;

namespace MLNet.Gpt;

/// <summary>
/// Reads files of text, the same way for every part of the library. Bytes that are not valid in the encoding are refused, never
/// replaced.
/// </summary>
/// <remarks>
/// <para>A byte order mark of UTF-8, UTF-16 or UTF-32 decides the encoding and is not part of the text. A file without one is
/// read in the encoding that the caller gives. Where none is given, it is read as UTF-8, and refused if it looks like UTF-16 or
/// UTF-32: if half or more of every other byte of its beginning are zero.</para>
/// <para>Line ends are left as they are in the file.</para>
/// </remarks>
public static class TextFile
{
    /// <summary>Reads a whole file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="encoding">The encoding of a file without a byte order mark; UTF-8 where <see langword="null"/>.</param>
    /// <exception cref="InvalidDataException">A byte is not valid in the encoding; the message names the file and the offset.</exception>
    /// <exception cref="IOException">The file is not there or cannot be read.</exception>
    public static string ReadAllText(string path, Encoding? encoding = null)
    {
        using var reader = new TextFileReader(path, encoding);
        return reader.ReadToEnd();
    }

    /// <summary>
    /// Reads a file line by line; only a block of it is in memory. Lines end with LF, CR LF or CR, and are given without their
    /// ends.
    /// </summary>
    /// <inheritdoc cref="ReadAllText"/>
    public static IEnumerable<string> ReadLines(string path, Encoding? encoding = null) =>
        ReadDocuments(path, encoding, lines => lines.Select(line => TextLines.WithoutEnd(line).ToString()));

    /// <summary>Lists the text files of a folder: their paths from it, separated by <c>/</c>, in ordinal order.</summary>
    /// <remarks>
    /// The list is the same on every machine. Left out are hidden files and folders, which are those whose names begin with a dot
    /// (also the <c>._</c> files that a Mac adds), the folder <c>__MACOSX</c> of its zip archives, and folders that are links, so
    /// that each file is listed once. A file that is a link is listed. The folder that is given is read whatever its name, also
    /// where it is a link.
    /// </remarks>
    /// <param name="folder">The folder.</param>
    /// <param name="pattern">Which file names, with the wildcards <c>*</c> and <c>?</c>; upper and lower case are the same.</param>
    /// <param name="recursive">Whether files of folders within the folder are listed.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="ArgumentException">No file of the folder matches the pattern.</exception>
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
                $"No file of '{folder}' matches '{pattern}'. Hidden files and folders that are links are left out.", nameof(pattern));
    }

    /// <summary>Documents that are cut from a file's lines, which have their ends, as they are read.</summary>
    internal static IEnumerable<string> ReadDocuments(string path, Encoding? encoding, Func<IEnumerable<string>, IEnumerable<string>> cut)
    {
        using var reader = new TextFileReader(path, encoding);
        foreach (string document in cut(TextLines.Read(reader))) yield return document;
    }

    private static bool IsHidden(ReadOnlySpan<char> name) => name.StartsWith('.');

    // A folder of a cloud drive is a reparse point too, and no link.
    private static bool IsLink(ref FileSystemEntry entry) =>
        entry.Attributes.HasFlag(FileAttributes.ReparsePoint) && entry.ToFileSystemInfo().LinkTarget is not null;
}
