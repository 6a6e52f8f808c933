namespace MLNet.Gpt.IO;

/// <summary>
/// The target of a file or folder that will be created or replaced. Follows links, detects obstacles before any work is
/// done, and preserves the mode.
/// </summary>
internal static class WritableTarget
{
    private const UnixFileMode Permissions = (UnixFileMode)0x1FF; // read, write and execute, for owner, group and others

    /// <summary>
    /// Returns the file that a path leads to; for a link, the link's target, even if it does not exist.
    /// </summary>
    /// <exception cref="IOException">The target is something other than a file, or the links form a cycle.</exception>
    public static string File(string path)
    {
        string target = Follow(path);
        bool isFolder = Path.EndsInDirectorySeparator(target) || Directory.Exists(target);
        return isFolder ? throw new IOException($"'{path}' is a folder; cannot write a file there.") : target;
    }

    /// <summary>
    /// Returns the folder that a path leads to; for a link, the link's target, even if it does not exist.
    /// </summary>
    /// <exception cref="IOException">
    /// The target is something other than a folder, or the links form a cycle.
    /// </exception>
    public static string Folder(string path)
    {
        string target = Follow(Path.TrimEndingDirectorySeparator(path));
        if (System.IO.File.Exists(target)) throw new IOException($"'{path}' is a file; cannot write a folder there.");
        return target;
    }

    /// <summary>
    /// Returns the permissions of an existing target, which its replacement gets; <see langword="null"/> if it does not
    /// exist, or if the system has no modes.
    /// </summary>
    public static UnixFileMode? Mode(string target)
    {
        if (OperatingSystem.IsWindows() || !Path.Exists(target)) return null;
        return System.IO.File.GetUnixFileMode(target) & Permissions;
    }

    /// <summary>
    /// Sets the permissions of what was written to those of what it replaces; it was created with no more than these.
    /// </summary>
    public static void SetMode(string path, UnixFileMode? mode)
    {
        if (mode is not { } wanted || OperatingSystem.IsWindows()) return;
        try
        {
            if (System.IO.File.GetUnixFileMode(path) != wanted) System.IO.File.SetUnixFileMode(path, wanted);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The file system has no modes. The umask may have removed permissions, but not added any.
        }
    }

    /// <summary>Returns the exception for a target that may not be written to.</summary>
    public static IOException Denied(string path, UnauthorizedAccessException error) =>
        new($"'{path}' cannot be written: access to its folder is denied.", error);

    private static string Follow(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var link = new FileInfo(Path.GetFullPath(path));
        string target = link.LinkTarget is null ? link.FullName : link.ResolveLinkTarget(returnFinalTarget: true)!.FullName;
        return FileKind.IsSpecial(target)
            ? throw new IOException($"'{path}' is a named pipe, a device or a socket, and cannot be replaced.")
            : target;
    }
}
