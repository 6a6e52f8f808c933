namespace MLNet.Gpt.Numerics.Memory;

/// <summary>
/// One block of memory that many arrays are laid out in: first every array is reserved, then the memory is taken at
/// once.
/// </summary>
/// <param name="purpose">What the memory is for, for the message where there is none.</param>
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

    /// <summary>Takes the memory that was reserved.</summary>
    /// <exception cref="OutOfMemoryException">The system has none; the message tells size and purpose.</exception>
    public void Allocate() => _block = NativeBlock.Allocate(Length, purpose, willBeFilled: true);

    /// <summary>The address of an offset.</summary>
    public byte* At(long offset) => Block.Pointer + offset;

    /// <summary>Frees the memory once nobody borrows it.</summary>
    public void Dispose() => _block?.Dispose();
}
