using System.Runtime.InteropServices;

namespace MLNet.Gpt.IO;

/// <summary>Swaps two folders in one step, which Linux and macOS support.</summary>
internal static partial class FolderExchange
{
    private const int CurrentFolder = -100; // AT_FDCWD
    private const uint Swap = 2; // RENAME_EXCHANGE on Linux, RENAME_SWAP on macOS

    /// <summary>
    /// Gives each folder the other's name, or does nothing and returns <see langword="false"/> if the operating system
    /// or the file system does not support it.
    /// </summary>
    public static bool TryExchange(string one, string other)
    {
        try
        {
            if (OperatingSystem.IsLinux()) return RenameOnLinux(CurrentFolder, one, CurrentFolder, other, Swap) == 0;
            return OperatingSystem.IsMacOS() && RenameOnMac(one, other, Swap) == 0;
        }
        catch (EntryPointNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "renameat2", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameOnLinux(int oldFolder, string oldPath, int newFolder, string newPath, uint flags);

    [LibraryImport("libc", EntryPoint = "renamex_np", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameOnMac(string from, string to, uint flags);
}
