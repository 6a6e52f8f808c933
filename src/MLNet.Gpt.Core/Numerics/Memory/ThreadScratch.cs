namespace MLNet.Gpt.Numerics.Memory;

/// <summary>
/// A small buffer per thread, kept from one work item to the next. A work item requests it once: requesting it again
/// may free it. The garbage collector frees those of threads that have ended.
/// </summary>
internal static unsafe class ThreadScratch
{
    // A larger block, such as training on long batches needs, is freed after this many consecutive uses that needed at
    // most half of it.
    private const long KeptLength = 1 << 20;
    private const int SmallUsesBeforeTrim = 4096;

    [ThreadStatic]
    private static NativeBlock? t_block;

    [ThreadStatic]
    private static int t_smallUses;

    /// <summary>Bytes that the calling thread's buffer takes.</summary>
    public static long Length => t_block?.Length ?? 0;

    /// <summary>
    /// Returns a buffer of at least this many numbers, aligned to 64 bytes. It contains what the thread's last work
    /// left there, which was finite or is overwritten before use.
    /// </summary>
    public static float* Get(int count)
    {
        var block = t_block;
        long length = 4L * count;
        if (block is null || block.Length < length || (block.Length > KeptLength && IsTooLarge(block, length))) block = Replace(length);
        return (float*)block.Pointer;
    }

    private static bool IsTooLarge(NativeBlock block, long length)
    {
        t_smallUses = length > block.Length / 2 ? 0 : t_smallUses + 1;
        return t_smallUses >= SmallUsesBeforeTrim;
    }

    private static NativeBlock Replace(long length)
    {
        t_block?.Dispose();
        t_block = null;
        t_smallUses = 0;
        return t_block = NativeBlock.Allocate(length, "a thread's scratch memory");
    }
}
