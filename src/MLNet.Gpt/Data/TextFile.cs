using System.Text;

namespace MLNet.Gpt.Data;

/// <summary>Reads a file of text; bytes that are no text are refused rather than replaced.</summary>
internal static class TextFile
{
    /// <summary>UTF-8 that refuses what is not.</summary>
    public static Encoding StrictUtf8 { get; } = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The files of a folder as paths from it, parted by <c>/</c>, in the order of their characters: the same on every machine.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    public static string[] Names(string folder, string pattern, bool recursive) =>
        [.. Directory.EnumerateFiles(folder, pattern, recursive ? SearchOption.AllDirectories : SearchOption.TopDirectoryOnly)
            .Select(file => Path.GetRelativePath(folder, file).Replace(Path.DirectorySeparatorChar, '/'))
            .Order(StringComparer.Ordinal)];

    /// <summary>The whole text, with the ends of its lines as they are.</summary>
    /// <exception cref="InvalidDataException">The bytes are not of the encoding; the message names the file.</exception>
    public static string ReadAll(string path, Encoding encoding)
    {
        try
        {
            using var reader = new StreamReader(path, encoding);
            return reader.ReadToEnd();
        }
        catch (DecoderFallbackException error)
        {
            throw NotText(path, encoding, error);
        }
    }

    /// <summary>Documents that are cut from the text as it is read.</summary>
    /// <exception cref="InvalidDataException">The bytes are not of the encoding; the message names the file.</exception>
    public static IEnumerable<string> ReadDocuments(string path, Encoding encoding, Func<IEnumerable<string>, IEnumerable<string>> cut)
    {
        using var reader = new StreamReader(path, encoding);
        using var documents = cut(TextLines.Read(reader)).GetEnumerator();
        while (true)
        {
            try
            {
                if (!documents.MoveNext()) yield break;
            }
            catch (DecoderFallbackException error)
            {
                throw NotText(path, encoding, error);
            }

            yield return documents.Current;
        }
    }

    private static InvalidDataException NotText(string path, Encoding encoding, DecoderFallbackException error) =>
        new($"'{path}' is no text in {encoding.WebName}: {error.Message}", error);
}
