namespace MLNet.Gpt.IO;

/// <summary>
/// Writes a folder so that a crash at any moment leaves either the old folder or the new one, complete.
/// </summary>
internal static class AtomicFolder
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>
    /// Fills a new folder next to the target, then swaps the two; if anything fails, the new folder is removed.
    /// </summary>
    /// <param name="path">
    /// The folder to create or replace; for a link, the link's target. A folder that is replaced keeps its mode, and so
    /// do its files.
    /// </param>
    /// <param name="mayReplace">
    /// Whether a file with this name may be lost with the old folder; any other file keeps the folder from being
    /// replaced.
    /// </param>
    /// <param name="write">Writes the files to the given folder, and flushes them to disk.</param>
    /// <exception cref="IOException">
    /// The path is something other than a folder, the folder contains something that may not be replaced, or it cannot
    /// be written to.
    /// </exception>
    public static void Write(string path, Func<string, bool> mayReplace, Action<string> write)
    {
        string target = WritableTarget.Folder(path);
        if (Directory.Exists(target)) Aside.Sweep(target);
        CheckReplaceable(target, mayReplace);

        string parent = Path.GetDirectoryName(target)
            ?? throw new IOException($"'{path}' is the root of a file system and cannot be replaced.");
        string aside = Aside.In(parent);
        var mode = WritableTarget.Mode(target);
        Create(path, aside, mode);
        try
        {
            write(aside);
            CheckReplaceable(target, mayReplace);
            if (!Directory.Exists(target))
            {
                Directory.Move(aside, target);
                return;
            }

            foreach (string file in Directory.EnumerateFiles(aside))
            {
                WritableTarget.SetMode(file, WritableTarget.Mode(Path.Combine(target, Path.GetFileName(file))));
            }

            WritableTarget.SetMode(aside, mode);
            Exchange(aside, target);
        }
        finally
        {
            Aside.Remove(aside); // the new folder if anything failed, otherwise the old one
        }
    }

    // While it is being filled, only its owner can access the new folder; until it replaces the old one, its files have
    // the modes of new files.
    private static void Create(string path, string aside, UnixFileMode? mode)
    {
        try
        {
            string parent = Path.GetDirectoryName(aside)!;
            Directory.CreateDirectory(parent);
            Aside.Sweep(parent);
            if (mode is null || OperatingSystem.IsWindows()) Directory.CreateDirectory(aside);
            else Directory.CreateDirectory(aside, OwnerOnly);
        }
        catch (UnauthorizedAccessException error)
        {
            throw WritableTarget.Denied(path, error);
        }
    }

    private static void CheckReplaceable(string folder, Func<string, bool> mayReplace)
    {
        if (!Directory.Exists(folder)) return;
        string? other = Directory.EnumerateFileSystemEntries(folder)
            .FirstOrDefault(entry => Directory.Exists(entry) || !mayReplace(Path.GetFileName(entry)));
        if (other is null) return;
        throw new IOException(
            $"The folder '{folder}' contains '{Path.GetFileName(other)}', which is not part of an exported model and would be lost; "
            + "choose a new or empty folder.");
    }

    // If the system cannot swap two folders in one step (Windows), the old folder briefly has another name. That name
    // is never swept, because after a crash in that moment it is the only complete model.
    private static void Exchange(string aside, string target)
    {
        if (FolderExchange.TryExchange(aside, target)) return;
        string old = aside + ".old";
        Directory.Move(target, old);
        try
        {
            Directory.Move(aside, target);
        }
        catch
        {
            Directory.Move(old, target);
            throw;
        }

        Aside.Remove(old);
    }
}
