using System.Runtime.InteropServices;

namespace MLNet.Gpt.TorchSharp;

/// <summary>
/// While an instance exists, memory that libtorch frees stays in the process instead of returning to the kernel.
/// Training steps free and allocate the same hundreds of megabytes over and over, and the kernel would clear each page
/// every time. Does nothing if the C library is not glibc.
/// </summary>
/// <remarks>
/// On the process's main thread, this applies to blocks of any size. glibc gives other threads heaps of 64 MB, and
/// always maps larger blocks separately. The settings are glibc's, for the whole process, and cannot be read: when the
/// last instance is disposed, the documented defaults are restored, and free memory returns to the kernel. So this also
/// does nothing if an environment variable has set one of them.
/// </remarks>
internal sealed partial class RetainedHeap : IDisposable
{
    // Parameters of mallopt(3), and glibc's defaults.
    private const int TrimThreshold = -1, TopPad = -2, MaximumOfMaps = -4;
    private const int DefaultTrimThreshold = 128 << 10, DefaultTopPad = 0, DefaultMaximumOfMaps = 65536;

    private static readonly Lock Gate = new();
    private static int _count;

    private bool _isDisposed;

    /// <summary>The number of instances in the process that are not disposed.</summary>
    internal static int Count
    {
        get
        {
            lock (Gate) return _count;
        }
    }

    public RetainedHeap()
    {
        lock (Gate)
        {
            if (_count++ == 0) Set(maps: 0, trim: int.MaxValue, pad: 64 << 20);
        }
    }

    public void Dispose()
    {
        lock (Gate)
        {
            if (_isDisposed) return;
            _isDisposed = true;
            if (--_count > 0) return;
            Set(DefaultMaximumOfMaps, DefaultTrimThreshold, DefaultTopPad);
            if (IsWanted) Trim(0);
        }
    }

    private static readonly string[] UsersChoices = ["MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES"];

    private static readonly bool IsWanted =
        IsGlibc && UsersChoices.All(name => string.IsNullOrEmpty(Environment.GetEnvironmentVariable(name)));

    private static bool IsGlibc =>
        OperatingSystem.IsLinux() && !RuntimeInformation.RuntimeIdentifier.Contains("musl", StringComparison.Ordinal);

    private static void Set(int maps, int trim, int pad)
    {
        if (!IsWanted) return;
        SetOption(MaximumOfMaps, maps);
        SetOption(TrimThreshold, trim);
        SetOption(TopPad, pad);
    }

    [LibraryImport("libc.so.6", EntryPoint = "mallopt")]
    private static partial int SetOption(int parameter, int value);

    [LibraryImport("libc.so.6", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint pad);
}
