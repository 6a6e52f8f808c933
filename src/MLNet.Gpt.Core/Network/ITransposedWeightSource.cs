namespace MLNet.Gpt.Network;

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
