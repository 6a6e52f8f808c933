namespace MLNet.Gpt.IO;

/// <summary>
/// Keeps a folder to one user at a time, across processes. It is the operating system's lock on an open file: it goes
/// when the process goes, however that ends, so what a killed process leaves behind bars nobody.
/// </summary>
/// <remarks>
/// The file stays in the folder, empty. Removing it would let one process lock the removed file and another lock a new
/// one of the same name. Where a file system has no locks (some network shares) every process gets one.
/// </remarks>
internal sealed class FolderLock : IDisposable
{
    private const int SharingViolationOnWindows = 32, WouldBlockOnLinux = 11, WouldBlockOnMac = 35;

    private readonly FileStream _file;

    private FolderLock(FileStream file) => _file = file;

    /// <summary>Takes the lock.</summary>
    /// <param name="path">The lock file; made where it does not exist.</param>
    /// <returns><see langword="null"/> where someone else has it.</returns>
    /// <exception cref="IOException">The file cannot be made or opened.</exception>
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

    /// <summary>Gives the lock back.</summary>
    public void Dispose() => _file.Dispose();
}
