using System.Buffers.Binary;
using MLNet.Gpt.IO;
using MLNet.Gpt.Network;

namespace MLNet.Gpt.Formats.Tensors;

/// <summary>Elements of 8 bits in blocks of 32 with one scale each, a half-precision number before them: ggml's Q8_0.</summary>
/// <param name="file">The file.</param>
/// <param name="offset">Where the first block begins.</param>
internal sealed class Q8Elements(PositionedFile file, long offset) : ITensorElements
{
    private const int BlocksAtATime = 128;

    /// <summary>Copies whole blocks as they are stored; the caller has checked that they lie inside the tensor.</summary>
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
