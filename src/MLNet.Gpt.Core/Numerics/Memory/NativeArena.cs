namespace MLNet.Gpt.Numerics.Memory;

/// <summary>
/// One block of memory for many arrays: first all arrays are reserved, then the memory is allocated at once.
/// </summary>
/// <param name="purpose">What the memory is for, for the message if it cannot be allocated.</param>
internal sealed unsafe class NativeArena(string purpose) : IDisposable
{
    private const int Alignment = 64;

    private NativeBlock? _block;

    /// <summary>Bytes reserved so far.</summary>
    public long Length { get; private set; }

    /// <summary>The memory, once allocated.</summary>
    public NativeBlock Block => _block ?? throw new InvalidOperationException("The arena is not allocated yet.");

    /// <summary>Reserves room, aligned to a cache line, and returns its offset.</summary>
    public long Reserve(long byteCount)
    {
        long offset = Length;
        Length = checked(Length + byteCount + Alignment - 1) & ~(Alignment - 1L);
        return offset;
    }

    /// <summary>Allocates the reserved memory.</summary>
    /// <exception cref="OutOfMemoryException">
    /// The system has no memory; the message states size and purpose.
    /// </exception>
    public void Allocate() => _block = NativeBlock.Allocate(Length, purpose, willBeFilled: true);

    /// <summary>Returns the address of an offset.</summary>
    public byte* At(long offset) => Block.Pointer + offset;

    /// <summary>Frees the memory when its last lease ends.</summary>
    public void Dispose() => _block?.Dispose();
}
