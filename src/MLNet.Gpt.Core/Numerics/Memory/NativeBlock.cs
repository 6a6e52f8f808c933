using System.Globalization;
using System.Runtime.InteropServices;

namespace MLNet.Gpt.Numerics.Memory;

/// <summary>
/// Memory outside the managed heap, aligned to cache lines and cleared. It is freed when disposed or collected,
/// but not before the last <see cref="Lease"/> on it has ended.
/// </summary>
internal sealed unsafe class NativeBlock : SafeHandle
{
    private const int Alignment = 64;
    private const int HugePage = 2 << 20;
    private const int AdviseHugePages = 14;

    private static long s_liveCount;

    private NativeBlock(long length)
        : base(0, ownsHandle: true)
    {
        Length = length;
    }

    /// <summary>The number of blocks in the process that have not been freed.</summary>
    public static long LiveCount => Interlocked.Read(ref s_liveCount);

    /// <summary>Size in bytes.</summary>
    public long Length { get; }

    /// <summary>The first byte, aligned to 64; valid while a lease is held.</summary>
    public byte* Pointer { get; private set; }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Allocates cleared memory. Pages are taken from the system when they are first touched.</summary>
    /// <param name="length">Size in bytes.</param>
    /// <param name="purpose">What the memory is for, for the message if it cannot be allocated.</param>
    /// <param name="willBeFilled">
    /// Whether all of it will soon be written, so that huge pages, if the system has them, waste nothing.
    /// </param>
    /// <exception cref="OutOfMemoryException">
    /// The system has no such block; the message states its size and purpose.
    /// </exception>
    public static NativeBlock Allocate(long length, string purpose, bool willBeFilled = false)
    {
        var block = new NativeBlock(length);
        bool huge = willBeFilled && length >= 4 * HugePage;
        int alignment = huge ? HugePage : Alignment;
        byte* raw;
        try
        {
            raw = (byte*)NativeMemory.AllocZeroed(checked((nuint)length + (nuint)alignment));
        }
        catch (OutOfMemoryException error)
        {
            throw new OutOfMemoryException(
                string.Create(CultureInfo.InvariantCulture, $"Could not allocate {length} bytes for {purpose}."), error);
        }

        block.SetHandle((nint)raw);
        Interlocked.Increment(ref s_liveCount);
        block.Pointer = (byte*)(((nuint)raw + (nuint)alignment - 1) & ~((nuint)alignment - 1));
        GC.AddMemoryPressure(Math.Max(1, length));
        if (huge) AskForHugePages(block.Pointer, (nuint)length);
        return block;
    }

    /// <summary>Keeps the memory alive until the lease is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The block was disposed.</exception>
    public Lease Borrow() => new(this);

    /// <summary>Keeps the memory alive until the lease is disposed or collected.</summary>
    /// <exception cref="ObjectDisposedException">The block was disposed.</exception>
    public SharedLease Share() => new(this);

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        NativeMemory.Free((void*)handle);
        Interlocked.Decrement(ref s_liveCount);
        GC.RemoveMemoryPressure(Math.Max(1, Length));
        return true;
    }

    // Huge pages need fewer address translations when weights stream through; without them, a machine is only slightly
    // slower.
    private static void AskForHugePages(byte* start, nuint length)
    {
        if (!OperatingSystem.IsLinux()) return;
        try
        {
            _ = MemoryAdvise(start, length, AdviseHugePages);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
        }
    }

    [DllImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int MemoryAdvise(void* start, nuint length, int advice);

    /// <summary>Keeps a block's memory alive until it is disposed.</summary>
    internal readonly ref struct Lease
    {
        private readonly NativeBlock _block;

        public Lease(NativeBlock block)
        {
            bool added = false;
            block.DangerousAddRef(ref added);
            _block = block;
        }

        public void Dispose() => _block.DangerousRelease();
    }

    /// <summary>Keeps a block's memory alive for another owner.</summary>
    internal sealed class SharedLease : IDisposable
    {
        private NativeBlock? _block;

        public SharedLease(NativeBlock block)
        {
            bool added = false;
            block.DangerousAddRef(ref added);
            _block = block;
        }

        ~SharedLease() => Dispose();

        public void Dispose()
        {
            Interlocked.Exchange(ref _block, null)?.DangerousRelease();
            GC.SuppressFinalize(this);
        }
    }
}
