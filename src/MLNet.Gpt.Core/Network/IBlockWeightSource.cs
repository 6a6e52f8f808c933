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

/// <summary>
/// A source that stores some of its matrices as (in, out), like GPT-2's <c>Conv1D</c>, and can return them as stored. A
/// row of the weight (out, in) is scattered over such a file, but a row of the file is contiguous. Thread-safe.
/// </summary>
internal interface ITransposedWeightSource : IWeightSource
{
    /// <summary>Returns whether a weight is stored as (in, out).</summary>
    bool IsTransposed(string name);

    /// <summary>
    /// Copies rows of weights as stored, side by side: input k of every output of the first, then of the second and so
    /// on, for each k. Weights that are neighbors in the file, as query, key and value are, are read at once.
    /// </summary>
    /// <param name="names">
    /// Weights of equal depth for which <see cref="IsTransposed"/> is <see langword="true"/>.
    /// </param>
    /// <param name="firstInput">The first input.</param>
    /// <param name="inputs">The number of inputs.</param>
    /// <param name="destination">Receives (inputs, outputs of all weights) elements.</param>
    /// <exception cref="KeyNotFoundException">There is no weight with that name.</exception>
    /// <exception cref="InvalidOperationException">A weight is not stored as (in, out).</exception>
    /// <exception cref="ArgumentOutOfRangeException">The inputs extend past the end of a weight.</exception>
    /// <exception cref="InvalidDataException">The file has become shorter since it was opened.</exception>
    void ReadTransposed(string[] names, int firstInput, int inputs, Span<float> destination);
}

/// <summary>A source of weights that are packed for the engine, which can use them where they are.</summary>
internal interface IPackedWeights
{
    /// <summary>Returns the weights in the same memory, which stays until the caller disposes of them.</summary>
    /// <exception cref="ObjectDisposedException">The weights were freed.</exception>
    ModelWeights Share();
}
