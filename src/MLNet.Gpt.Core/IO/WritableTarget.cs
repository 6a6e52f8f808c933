namespace MLNet.Gpt.IO;

/// <summary>
/// The place of a file or folder that will be made or replaced: links followed, what stands in the way found before any work is done, and
/// the mode that is kept.
/// </summary>
internal static class WritableTarget
{
    private const UnixFileMode Permissions = (UnixFileMode)0x1FF; // read, write and execute, for owner, group and others

    /// <summary>The file that a path leads to; where it is a link, the link's target, also if nothing is there.</summary>
    /// <exception cref="IOException">There is something other than a file, or the links go in a circle.</exception>
    public static string File(string path)
    {
        string target = Follow(path);
        bool isFolder = Path.EndsInDirectorySeparator(target) || Directory.Exists(target);
        return isFolder ? throw new IOException($"'{path}' is a folder; a file is to be written there.") : target;
    }

    /// <summary>The folder that a path leads to; where it is a link, the link's target, also if nothing is there.</summary>
    /// <exception cref="IOException">There is something other than a folder, or the links go in a circle.</exception>
    public static string Folder(string path)
    {
        string target = Follow(Path.TrimEndingDirectorySeparator(path));
        if (System.IO.File.Exists(target)) throw new IOException($"'{path}' is a file; a folder is to be written there.");
        return target;
    }

    /// <summary>
    /// The permissions of what is there, which its successor keeps; <see langword="null"/> where there is nothing, or
    /// no such thing as a mode.
    /// </summary>
    public static UnixFileMode? Mode(string target)
    {
        if (OperatingSystem.IsWindows() || !Path.Exists(target)) return null;
        return System.IO.File.GetUnixFileMode(target) & Permissions;
    }

    /// <summary>Gives what was written the permissions that it replaces; it was made with no more than these.</summary>
    public static void SetMode(string path, UnixFileMode? mode)
    {
        if (mode is not { } wanted || OperatingSystem.IsWindows()) return;
        try
        {
            if (System.IO.File.GetUnixFileMode(path) != wanted) System.IO.File.SetUnixFileMode(path, wanted);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A file system without modes of its own. The umask may have taken permissions away; it gave none.
        }
    }

    /// <summary>The error of a place that may not be written to.</summary>
    public static IOException Denied(string path, UnauthorizedAccessException error) =>
        new($"'{path}' cannot be written: access to its folder is denied.", error);

    private static string Follow(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var link = new FileInfo(Path.GetFullPath(path));
        string target = link.LinkTarget is null ? link.FullName : link.ResolveLinkTarget(returnFinalTarget: true)!.FullName;
        return FileKind.IsSpecial(target)
            ? throw new IOException($"'{path}' is a named pipe, a device or a socket, and is not replaced.")
            : target;
    }
}
