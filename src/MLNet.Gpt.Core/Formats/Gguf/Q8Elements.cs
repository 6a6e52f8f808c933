using System.Buffers.Binary;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.Gguf;

/// <summary>Elements of 8 bits in blocks of 32 with one scale each, a half-precision number before them: ggml's Q8_0.</summary>
/// <param name="file">The file.</param>
/// <param name="offset">Where the first block begins.</param>
internal sealed class Q8Elements(PositionedFile file, long offset) : ITensorElements
{
    /// <summary>Elements of a block.</summary>
    public const int BlockLength = 32;

    /// <summary>Bytes of a block.</summary>
    public const int BlockSize = 2 + BlockLength;

    private const int BlocksAtATime = 128;

    public void Read(long start, Span<float> destination)
    {
        byte[] buffer = new byte[BlocksAtATime * BlockSize];
        while (!destination.IsEmpty)
        {
            var (first, skipped) = Math.DivRem(start, BlockLength);
            int count = (int)Math.Min(destination.Length, (BlocksAtATime * BlockLength) - skipped);
            var blocks = buffer.AsSpan(0, (int)(((skipped + count + BlockLength - 1) / BlockLength) * BlockSize));
            file.Fill(blocks, offset + (first * BlockSize));
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
            int count = Math.Min(destination.Length, BlockLength - skipped);
            var elements = blocks.Slice(2 + skipped, count);
            for (int i = 0; i < count; i++) destination[i] = scale * (sbyte)elements[i];
            destination = destination[count..];
            blocks = blocks[BlockSize..];
            skipped = 0;
        }
    }
}
