using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Network;

/// <summary>
/// A source that stores some of its matrices as GGML's blocks and can return them as stored, so that an engine that computes
/// with them need not round them a second time. Thread-safe.
/// </summary>
/// <remarks>
/// A block of Q8_0 is a little-endian half-precision scale followed by <see cref="Q8Block.Length"/> signed bytes; element i is
/// scale × byte i. For the others, see <see cref="Q4KBlock"/>, <see cref="Q5KBlock"/> and
/// <see cref="Q6KBlock"/>. Every row of such a matrix consists
/// of whole blocks, row after row, and matrices are (out, in).
/// </remarks>
internal interface IBlockWeightSource : IWeightSource
{
    /// <summary>Returns the blocks as which a weight is stored.</summary>
    /// <param name="name">The weight.</param>
    /// <exception cref="KeyNotFoundException">There is no weight with that name.</exception>
    StoredBlocks BlocksOf(string name);

    /// <summary>Copies whole blocks of a weight as stored.</summary>
    /// <param name="name">A weight that is stored as blocks.</param>
    /// <param name="firstBlock">Index of the first block: of row r it is r × (columns / weights per block).</param>
    /// <param name="destination">Receives the blocks; its length is a multiple of their size.</param>
    /// <exception cref="KeyNotFoundException">There is no weight with that name.</exception>
    /// <exception cref="InvalidOperationException">The weight is not stored as blocks.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The blocks extend past the weight's end.</exception>
    /// <exception cref="InvalidDataException">The file has become shorter since it was opened.</exception>
    void ReadBlocks(string name, long firstBlock, Span<byte> destination);
}
