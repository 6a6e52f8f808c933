using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using MLNet.Gpt.IO;
using MLNet.Gpt.Numerics.Products;

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

/// <summary>8-bit elements in blocks of 32, each preceded by a half-precision scale: ggml's Q8_0.</summary>
/// <param name="file">The file.</param>
/// <param name="offset">The offset of the first block.</param>
internal sealed class Q8Elements(PositionedFile file, long offset) : ITensorElements
{
    private const int BlocksAtATime = 128;

    /// <summary>Copies whole blocks as stored; the caller has checked that they are inside the tensor.</summary>
    /// <exception cref="InvalidDataException">The file has become shorter.</exception>
    public void ReadBlocks(long firstBlock, Span<byte> destination) => file.Fill(destination, offset + (firstBlock * Q8Block.Size));

    public void Read(long start, Span<float> destination)
    {
        byte[] buffer = new byte[BlocksAtATime * Q8Block.Size];
        while (!destination.IsEmpty)
        {
            var (first, skipped) = Math.DivRem(start, Q8Block.Length);
            int count = (int)Math.Min(destination.Length, (BlocksAtATime * Q8Block.Length) - skipped);
            var blocks = buffer.AsSpan(0, (int)(((skipped + count + Q8Block.Length - 1) / Q8Block.Length) * Q8Block.Size));
            file.Fill(blocks, offset + (first * Q8Block.Size));
            Widen(blocks, (int)skipped, destination[..count]);
            destination = destination[count..];
            start += count;
        }
    }

    private static void Widen(ReadOnlySpan<byte> blocks, int skipped, Span<float> destination)
    {
        while (!destination.IsEmpty)
        {
            float scale = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks);
            int count = Math.Min(destination.Length, Q8Block.Length - skipped);
            var elements = blocks.Slice(2 + skipped, count);
            for (int i = 0; i < count; i++) destination[i] = scale * (sbyte)elements[i];
            destination = destination[count..];
            blocks = blocks[Q8Block.Size..];
            skipped = 0;
        }
    }
}

/// <summary>
/// GGML's Q8_0: the largest magnitude m of 32 elements determines the scale, m / 127, stored in half precision; each
/// element is the nearest multiple of it.
/// </summary>
/// <remarks>
/// Source: <c>quantize_row_q8_0_ref</c> in GGML. The multiples are those of the scale before it is rounded to half
/// precision; ties round away from zero.
/// </remarks>
internal static class EightBitBlocks
{
    public static void Encode(ReadOnlySpan<float> elements, Span<byte> destination)
    {
        for (; !elements.IsEmpty; elements = elements[Q8Block.Length..], destination = destination[Q8Block.Size..])
        {
            var block = elements[..Q8Block.Length];
            float scale = MathF.Abs(TensorPrimitives.MaxMagnitude(block)) / 127;
            float inverse = scale == 0 ? 0 : 1 / scale;
            BinaryPrimitives.WriteHalfLittleEndian(destination, (Half)scale);
            for (int i = 0; i < block.Length; i++)
            {
                destination[2 + i] = (byte)(sbyte)MathF.Round(block[i] * inverse, MidpointRounding.AwayFromZero);
            }
        }
    }
}
