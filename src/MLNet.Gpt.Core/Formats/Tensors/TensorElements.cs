using System.Runtime.InteropServices;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.Tensors;

/// <summary>Reads the elements of a tensor in a file, row-major, however they are stored. Thread-safe.</summary>
internal interface ITensorElements
{
    /// <summary>Copies elements as single precision; the caller has checked that they are inside the tensor.</summary>
    /// <exception cref="InvalidDataException">The file has become shorter, or a checksum does not match.</exception>
    void Read(long start, Span<float> destination);
}

/// <summary>Contiguous little-endian elements in a file.</summary>
/// <param name="file">The file, which the tensor's owner closes.</param>
/// <param name="offset">The offset of the first element.</param>
/// <param name="type">A floating-point format.</param>
/// <param name="region">
/// The checksummed part of the file that the elements belong to, or <see langword="null"/>.
/// </param>
internal sealed class PlainElements(
    PositionedFile file, long offset, TensorDataType type, ChecksummedRegion? region = null) : ITensorElements
{
    // Elements read and converted at a time: few reads, and bytes that stay in the L2 cache.
    private const int ChunkLength = 16384;

    public void Read(long start, Span<float> destination)
    {
        region?.Verify();
        int size = type.BlockSize();
        long place = offset + (start * size);
        if (type == TensorDataType.Float32)
        {
            var bytes = MemoryMarshal.AsBytes(destination);
            file.Fill(bytes, place);
            if (!BitConverter.IsLittleEndian) FloatConversion.ReverseBytes(bytes, size);
            return;
        }

        Span<byte> buffer = new byte[Math.Min(ChunkLength, destination.Length) * size];
        for (int done = 0; done < destination.Length; done += ChunkLength)
        {
            var part = destination.Slice(done, Math.Min(ChunkLength, destination.Length - done));
            var source = buffer[..(part.Length * size)];
            file.Fill(source, place + ((long)done * size));
            FloatConversion.ToSingle(type, source, part);
        }
    }
}

/// <summary>Elements in blocks, as in GGML's quantized types.</summary>
/// <param name="file">The file.</param>
/// <param name="offset">The offset of the first block.</param>
/// <param name="type">A type with blocks.</param>
internal sealed class BlockElements(PositionedFile file, long offset, TensorDataType type) : ITensorElements
{
    // Elements read at a time: whole blocks of every type.
    private const int ChunkLength = 4096;

    /// <summary>How the elements are stored.</summary>
    public TensorDataType Type => type;

    /// <summary>Copies whole blocks as stored; the caller has checked that they are inside the tensor.</summary>
    /// <exception cref="InvalidDataException">The file has become shorter.</exception>
    public void ReadBlocks(long firstBlock, Span<byte> destination) => file.Fill(destination, offset + (firstBlock * type.BlockSize()));

    public void Read(long start, Span<float> destination)
    {
        int length = type.BlockLength(), size = type.BlockSize();
        Span<float> part = stackalloc float[BlockDecoder.KLength];
        byte[] buffer = new byte[ChunkLength / length * size];
        while (!destination.IsEmpty)
        {
            var (first, skipped) = Math.DivRem(start, length);
            int count = (int)Math.Min(destination.Length, ChunkLength - skipped);
            var blocks = buffer.AsSpan(0, (int)((skipped + count + length - 1) / length) * size);
            ReadBlocks(first, blocks);
            for (int done = 0; done < count; blocks = blocks[size..], skipped = 0)
            {
                int elements = (int)Math.Min(count - done, length - skipped);
                if (elements == length)
                {
                    BlockDecoder.Decode(type, blocks[..size], destination.Slice(done, length));
                }
                else
                {
                    BlockDecoder.Decode(type, blocks[..size], part[..length]);
                    part.Slice((int)skipped, elements).CopyTo(destination[done..]);
                }

                done += elements;
            }

            destination = destination[count..];
            start += count;
        }
    }
}
