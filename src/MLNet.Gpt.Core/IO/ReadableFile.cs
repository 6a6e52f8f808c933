using Microsoft.Win32.SafeHandles;

namespace MLNet.Gpt.IO;

/// <summary>
/// Opens files for reading, with the same rules for all readers: links are followed, and if the path does not exist,
/// may not be read, or is a folder, a pipe or a device, an <see cref="IOException"/> names it at once.
/// </summary>
internal static class ReadableFile
{
    // Others may replace the file, which then remains readable as it was, but not write to it.
    private const FileShare Sharing = FileShare.Read | FileShare.Delete;

    /// <summary>Opens a file for reading at any position.</summary>
    /// <exception cref="IOException">The file is not there or cannot be read.</exception>
    public static SafeFileHandle OpenHandle(string path) =>
        Open(path, path => File.OpenHandle(path, FileMode.Open, FileAccess.Read, Sharing));

    /// <summary>Opens a file for reading from its beginning.</summary>
    /// <param name="path">The file.</param>
    /// <param name="sharing">
    /// What others may do to it meanwhile; by default, they may replace it but not write to it.
    /// </param>
    /// <param name="bufferSize">The size of the buffer in bytes; 0 for readers with their own buffer.</param>
    /// <exception cref="IOException">The file is not there or cannot be read.</exception>
    public static FileStream OpenStream(string path, FileShare sharing = Sharing, int bufferSize = 4096) =>
        Open(path, path => new FileStream(path, FileMode.Open, FileAccess.Read, sharing, bufferSize));

    /// <summary>
    /// Checks that a folder may be listed, to distinguish one without useful content from one without permission.
    /// </summary>
    /// <exception cref="IOException">The folder may not be listed.</exception>
    public static void CheckFolder(string path)
    {
        try
        {
            foreach (string entry in Directory.EnumerateFileSystemEntries(path))
            {
                File.GetAttributes(entry);
                return;
            }
        }
        catch (UnauthorizedAccessException error)
        {
            throw new IOException($"The folder '{path}' cannot be read: access to it is denied.", error);
        }
    }

    private static T Open<T>(string path, Func<string, T> open)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path)) throw new IOException($"'{path}' is a folder; a file is needed.");
        if (FileKind.IsSpecial(path)) throw new IOException($"'{path}' is a named pipe, a device or a socket; only files are read.");
        try
        {
            return open(path);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new IOException($"'{path}' cannot be read: access to it is denied.", error);
        }
    }
}
