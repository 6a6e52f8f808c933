using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Network;

/// <summary>
/// A source that stores some of its matrices as GGML's Q8_0 or Q4_K blocks and can return them as stored, so that an engine
/// that computes with bytes or nibbles need not round them a second time. Thread-safe.
/// </summary>
/// <remarks>
/// A block of Q8_0 is a little-endian half-precision scale followed by <see cref="Q8Block.Length"/> signed bytes; element i is
/// scale × byte i. For Q4_K, see <see cref="Q4KBlock"/>. Every row of such a matrix consists of whole blocks, row after
/// row, and matrices are (out, in).
/// </remarks>
internal interface IBlockWeightSource : IWeightSource
{
    /// <summary>Whether a weight is stored as Q8_0 blocks, so that <see cref="ReadQ8Blocks"/> can read it.</summary>
    bool HasQ8Blocks(string name);

    /// <summary>Copies whole blocks of a weight as stored.</summary>
    /// <param name="name">A weight for which <see cref="HasQ8Blocks"/> is <see langword="true"/>.</param>
    /// <param name="firstBlock">Index of the first block: of row r it is r × (columns / <see cref="Q8Block.Length"/>).</param>
    /// <param name="destination">
    /// Receives the blocks; its length is a multiple of <see cref="Q8Block.Size"/> bytes.
    /// </param>
    /// <exception cref="KeyNotFoundException">There is no weight with that name.</exception>
    /// <exception cref="InvalidOperationException">The weight is not stored as Q8_0 blocks.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The blocks extend past the weight's end.</exception>
    /// <exception cref="InvalidDataException">The file has become shorter since it was opened.</exception>
    void ReadQ8Blocks(string name, long firstBlock, Span<byte> destination);

    /// <summary>Whether a weight is stored as Q4_K blocks, so that <see cref="ReadQ4KBlocks"/> can read it.</summary>
    bool HasQ4KBlocks(string name);

    /// <summary>The same as <see cref="ReadQ8Blocks"/> for Q4_K blocks, <see cref="Q4KBlock"/>.</summary>
    /// <inheritdoc cref="ReadQ8Blocks" path="/param|/exception"/>
    void ReadQ4KBlocks(string name, long firstBlock, Span<byte> destination);
}
