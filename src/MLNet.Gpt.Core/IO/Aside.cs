using System.Text.RegularExpressions;

namespace MLNet.Gpt.IO;

/// <summary>
/// The temporary names under which files and folders are written before they are moved into place. They are short, so
/// that a target may have the longest name that a file system allows, and unique to this library, so that leftovers of
/// a killed process can be distinguished from other files.
/// </summary>
internal static partial class Aside
{
    private const string Prefix = ".mlnet-gpt-", Suffix = ".tmp";

    // Much longer than any writer pauses between two writes.
    private static readonly TimeSpan Age = TimeSpan.FromDays(1);

    /// <summary>
    /// Returns an unused name in a folder. It must be the target's folder, because a move across file systems is a
    /// copy.
    /// </summary>
    public static string In(string folder) => Path.Combine(folder, $"{Prefix}{Guid.NewGuid():N}{Suffix}");

    /// <summary>Whether a name is that of a file or folder that was not moved into place.</summary>
    public static bool IsOurs(string name) => Name().IsMatch(name);

    /// <summary>
    /// Removes what killed writers left in a folder: files and folders with our names that have not changed for a day
    /// and that no process has open.
    /// </summary>
    public static void Sweep(string folder)
    {
        try
        {
            foreach (var entry in new DirectoryInfo(folder).EnumerateFileSystemInfos($"{Prefix}*{Suffix}"))
            {
                bool isOurs = IsOurs(entry.Name) && entry.LinkTarget is null;
                if (isOurs && DateTime.UtcNow - LastChange(entry) > Age && !IsHeld(entry)) Remove(entry.FullName);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Another process is sweeping as well, or the folder cannot be listed; neither prevents writing.
        }
    }

    /// <summary>
    /// Removes a file or folder; what cannot be removed is swept later. Never throws, so that it does not hide an
    /// exception.
    /// </summary>
    public static void Remove(string path)
    {
        try
        {
            if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
            else File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
        }
    }

    private static DateTime LastChange(FileSystemInfo entry)
    {
        var last = entry.LastWriteTimeUtc;
        if (entry is not DirectoryInfo folder) return last;
        foreach (var inner in folder.EnumerateFileSystemInfos("*", SearchOption.AllDirectories))
        {
            if (inner.LastWriteTimeUtc > last) last = inner.LastWriteTimeUtc;
        }

        return last;
    }

    private static bool IsHeld(FileSystemInfo entry)
    {
        if (entry is not FileInfo file) return false;
        try
        {
            using var stream = new FileStream(file.FullName, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    [GeneratedRegex("^\\.mlnet-gpt-[0-9a-f]{32}\\.tmp$", RegexOptions.CultureInvariant)]
    private static partial Regex Name();
}
