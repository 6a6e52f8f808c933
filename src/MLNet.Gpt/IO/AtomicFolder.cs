namespace MLNet.Gpt.IO;

/// <summary>Writes a folder so that a crash at any moment leaves the old one or the new one, whole.</summary>
internal static class AtomicFolder
{
    /// <summary>Fills a new folder beside the place, then exchanges it for the one that is there; what was written is removed where anything fails.</summary>
    /// <param name="path">The folder to make or replace; where it is a link, the link's target.</param>
    /// <param name="mayReplace">Whether a file, by its name, may vanish with the old folder; any other keeps the folder from being replaced.</param>
    /// <param name="write">Writes the files into the folder that it is given, and flushes them to the disk.</param>
    /// <exception cref="IOException">There is a file at the path, or the folder there holds something that may not be replaced.</exception>
    public static void Write(string path, Func<string, bool> mayReplace, Action<string> write)
    {
        string target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (File.Exists(target)) throw new IOException($"'{path}' is a file; a folder is to be written there.");
        if (Directory.Exists(target)) target = Directory.ResolveLinkTarget(target, returnFinalTarget: true)?.FullName ?? target;
        CheckReplaceable(target, mayReplace);

        string aside = $"{target}.{Guid.NewGuid():N}.tmp"; // In the same folder: a move across file systems is a copy.
        Directory.CreateDirectory(aside);
        try
        {
            write(aside);
            CheckReplaceable(target, mayReplace);
            if (!Directory.Exists(target)) Directory.Move(aside, target);
            else Exchange(aside, target);
        }
        finally
        {
            if (Directory.Exists(aside)) Directory.Delete(aside, recursive: true);
        }
    }

    private static void CheckReplaceable(string folder, Func<string, bool> mayReplace)
    {
        if (!Directory.Exists(folder)) return;
        string? other = Directory.EnumerateFileSystemEntries(folder).FirstOrDefault(entry => Directory.Exists(entry) || !mayReplace(Path.GetFileName(entry)));
        if (other is null) return;
        throw new IOException($"The folder '{folder}' holds '{Path.GetFileName(other)}', which is no part of an exported model and would be lost; choose a new or empty folder.");
    }

    // Where the system cannot exchange two folders in one step (Windows), there is a moment in which the old folder stands beside its place.
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

        Directory.Delete(old, recursive: true);
    }
}
