using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace MLNet.Gpt.IO;

/// <summary>
/// Distinguishes files from pipes, devices and sockets, which .NET does not: opening a pipe waits for its other end,
/// and some devices never end.
/// </summary>
internal static partial class FileKind
{
    private const int CurrentFolder = -100; // AT_FDCWD
    private const uint TypeOnly = 1; // STATX_TYPE
    private const int StatusSize = 512; // larger than any of the structures
    private const int TypeMask = 0xF000, RegularType = 0x8000, FolderType = 0x4000; // S_IFMT, S_IFREG, S_IFDIR

    /// <summary>
    /// Whether a path, with links followed, leads to something that is neither a file nor a folder;
    /// <see langword="false"/> if the system cannot tell.
    /// </summary>
    public static bool IsSpecial(string path)
    {
        try
        {
            return Mode(path) is { } mode && (mode & TypeMask) is not (RegularType or FolderType);
        }
        catch (Exception error) when (error is EntryPointNotFoundException or DllNotFoundException)
        {
            return false;
        }
    }

    private static int? Mode(string path)
    {
        Span<byte> status = stackalloc byte[StatusSize];
        if (OperatingSystem.IsLinux())
        {
            // struct statx has the same layout on every processor; stx_mode is at offset 28.
            bool isThere = StatusOnLinux(CurrentFolder, path, 0, TypeOnly, status) == 0;
            return isThere ? BinaryPrimitives.ReadUInt16LittleEndian(status[28..]) : null;
        }

        if (!OperatingSystem.IsMacOS()) return null;

        // struct stat with 64-bit inodes; st_mode is at offset 4.
        bool isIntel = RuntimeInformation.ProcessArchitecture == Architecture.X64;
        int result = isIntel ? StatusOnIntelMac(path, status) : StatusOnMac(path, status);
        return result == 0 ? BinaryPrimitives.ReadUInt16LittleEndian(status[4..]) : null;
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatusOnLinux(int folder, string path, int flags, uint mask, Span<byte> status);

    [LibraryImport("libc", EntryPoint = "stat", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatusOnMac(string path, Span<byte> status);

    [LibraryImport("libc", EntryPoint = "stat$INODE64", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatusOnIntelMac(string path, Span<byte> status);
}
