namespace MLNet.Gpt.IO;

/// <summary>Writes a folder so that a crash at any moment leaves the old one or the new one, whole.</summary>
internal static class AtomicFolder
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>
    /// Fills a new folder beside the place, then exchanges it for the one that is there; what was written is removed
    /// where anything fails.
    /// </summary>
    /// <param name="path">
    /// The folder to make or replace; where it is a link, the link's target. A folder that is replaced keeps its mode,
    /// and so do its files.
    /// </param>
    /// <param name="mayReplace">
    /// Whether a file, by its name, may vanish with the old folder; any other keeps the folder from being replaced.
    /// </param>
    /// <param name="write">Writes the files into the folder that it is given, and flushes them to the disk.</param>
    /// <exception cref="IOException">
    /// There is something other than a folder at the path, the folder there holds something that may not be replaced, or
    /// the place cannot be written to.
    /// </exception>
    public static void Write(string path, Func<string, bool> mayReplace, Action<string> write)
    {
        string target = WritableTarget.Folder(path);
        if (Directory.Exists(target)) Aside.Sweep(target);
        CheckReplaceable(target, mayReplace);

        string parent = Path.GetDirectoryName(target)
            ?? throw new IOException($"'{path}' is the root of a file system, and is not replaced.");
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
            Aside.Remove(aside); // The new folder where anything failed, otherwise the old one.
        }
    }

    // While it is filled, the successor of a folder is its owner's alone; the files' modes are those of new files until then.
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
            $"The folder '{folder}' holds '{Path.GetFileName(other)}', which is no part of an exported model and would be lost; "
            + "choose a new or empty folder.");
    }

    // Where the system cannot exchange two folders in one step (Windows), there is a moment in which the old folder
    // stands beside its place. Its name there is none that is swept: after a crash in that moment it is the only whole
    // model.
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
