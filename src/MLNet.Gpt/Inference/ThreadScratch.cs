namespace MLNet.Gpt.Inference;

/// <summary>A small buffer of each thread, kept from one piece of work to the next.</summary>
internal static unsafe class ThreadScratch
{
    [ThreadStatic]
    private static NativeBlock? t_block;

    /// <summary>At least so many numbers, aligned to 64 bytes; holds what the thread's last work left there, which was finite or is overwritten before use.</summary>
    public static float* Get(int count)
    {
        if (t_block is null || t_block.Length < 4L * count)
        {
            t_block?.Dispose();
            t_block = NativeBlock.Allocate(4L * count);
        }

        return (float*)t_block.Pointer;
    }
}
