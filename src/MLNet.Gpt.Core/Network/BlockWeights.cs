using System.Buffers;
using System.Buffers.Binary;
using System.Numerics.Tensors;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Network;

/// <summary>
/// The matrices of a source that are exactly blocks: those that it stores this way, and those whose numbers came
/// from Q8_0 blocks, as in a model that was loaded from a Q8_0 file and saved in single precision. Thread-safe.
/// </summary>
/// <param name="source">The weights.</param>
internal sealed class BlockWeights(IWeightSource source)
{
    private const int BlocksPerRead = 2048;

    private readonly IBlockWeightSource? _stored = source as IBlockWeightSource;
    private readonly Dictionary<string, WeightEntry> _entries = WeightNames.For(source.Config).ToDictionary(entry => entry.Name);

    /// <summary>Returns the blocks as which the source stores a matrix.</summary>
    public StoredBlocks StoredAs(string name) => _stored?.BlocksOf(name) ?? StoredBlocks.None;

    /// <summary>
    /// Whether every row of a matrix consists of whole Q8_0 blocks. Reads little of a matrix that does not, and all of one
    /// that does.
    /// </summary>
    public bool IsMadeOfBlocks(string name)
    {
        if (StoredAs(name) is not StoredBlocks.None and var stored) return stored == StoredBlocks.Q8_0;
        var entry = _entries[name];
        if (entry.Shape.Count != 2 || entry.Shape[^1] % Q8Block.Length != 0) return false;

        // The first block is enough to recognize ordinary numbers.
        long count = entry.ElementCount / Q8Block.Length;
        byte[] blocks = ArrayPool<byte>.Shared.Rent(BlocksPerRead * Q8Block.Size);
        try
        {
            int length = 1;
            for (long first = 0; first < count; first += length)
            {
                length = first == 0 ? 1 : (int)Math.Min(BlocksPerRead, count - first);
                if (!TryEncode(name, first, blocks.AsSpan(0, length * Q8Block.Size))) return false;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(blocks);
        }

        return true;
    }

    /// <summary>Copies whole blocks of a weight that is stored as such, or for which <see cref="IsMadeOfBlocks"/> is true.</summary>
    /// <inheritdoc cref="IBlockWeightSource.ReadBlocks" path="/param|/exception"/>
    public void ReadBlocks(string name, long firstBlock, Span<byte> destination)
    {
        if (StoredAs(name) != StoredBlocks.None) _stored!.ReadBlocks(name, firstBlock, destination);
        else if (!TryEncode(name, firstBlock, destination)) throw new InvalidOperationException(
            $"'{name}' changed while it was being read.");
    }

    /// <summary>Finds the block that represents numbers exactly.</summary>
    /// <param name="numbers">As many numbers as a block has.</param>
    /// <param name="block">Receives the scale and the bytes.</param>
    /// <returns>Whether there is such a block.</returns>
    internal static bool TryEncode(ReadOnlySpan<float> numbers, Span<byte> block)
    {
        float largest = MathF.Abs(TensorPrimitives.MaxMagnitude(numbers));
        if (largest == 0)
        {
            block.Clear();
            return true;
        }

        // All known writers give the greatest magnitude the byte 127.
        for (int byteOfLargest = 127; byteOfLargest > 0; byteOfLargest--)
        {
            var scale = (Half)(largest / byteOfLargest);
            if ((float)scale * byteOfLargest != largest || !AreMultiples(numbers, (float)scale, block[2..])) continue;
            BinaryPrimitives.WriteHalfLittleEndian(block, scale);
            return true;
        }

        return false;
    }

    private static bool AreMultiples(ReadOnlySpan<float> numbers, float scale, Span<byte> multiples)
    {
        for (int i = 0; i < numbers.Length; i++)
        {
            float multiple = MathF.Round(numbers[i] / scale);
            if (multiple * scale != numbers[i]) return false;
            multiples[i] = (byte)(sbyte)multiple;
        }

        return true;
    }

    private bool TryEncode(string name, long firstBlock, Span<byte> destination)
    {
        int count = destination.Length / Q8Block.Size;
        float[] numbers = ArrayPool<float>.Shared.Rent(count * Q8Block.Length);
        try
        {
            var read = numbers.AsSpan(0, count * Q8Block.Length);
            source.Read(name, firstBlock * Q8Block.Length, read);
            for (; !read.IsEmpty; read = read[Q8Block.Length..], destination = destination[Q8Block.Size..])
            {
                if (!TryEncode(read[..Q8Block.Length], destination[..Q8Block.Size])) return false;
            }

            return true;
        }
        finally
        {
            ArrayPool<float>.Shared.Return(numbers);
        }
    }
}
