namespace MLNet.Gpt.IO;

/// <summary>
/// Restricts a folder to one user at a time, across processes. It is an operating system lock on an open file, which
/// ends with the process, however that ends, so a killed process never leaves a folder locked.
/// </summary>
/// <remarks>
/// The empty file remains in the folder: if it were removed, one process could lock the removed file while another
/// locks a new one with the same name. On file systems without locks (some network shares), every process gets the
/// lock.
/// </remarks>
internal sealed class FolderLock : IDisposable
{
    private const int SharingViolationOnWindows = 32, WouldBlockOnLinux = 11, WouldBlockOnMac = 35;

    private readonly FileStream _file;

    private FolderLock(FileStream file) => _file = file;

    /// <summary>Takes the lock.</summary>
    /// <param name="path">The lock file; created if it does not exist.</param>
    /// <returns><see langword="null"/> if someone else has it.</returns>
    /// <exception cref="IOException">The file cannot be created or opened.</exception>
    public static FolderLock? TryTake(string path)
    {
        try
        {
            return new(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0));
        }
        catch (IOException held) when ((held.HResult & 0xFFFF) is SharingViolationOnWindows or WouldBlockOnLinux or WouldBlockOnMac)
        {
            return null;
        }
    }

    /// <summary>Releases the lock.</summary>
    public void Dispose() => _file.Dispose();
}
