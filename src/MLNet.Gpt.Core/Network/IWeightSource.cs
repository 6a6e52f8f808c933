namespace MLNet.Gpt;

/// <summary>
/// A complete set of a model's weights, wherever they are stored: in memory, in a file, or in a network during
/// training. Thread-safe.
/// </summary>
public interface IWeightSource
{
    /// <summary>The configuration that the weights belong to.</summary>
    GptConfig Config { get; }

    /// <summary>Copies elements of a weight, row-major, as single precision.</summary>
    /// <param name="name">One of the names that <see cref="WeightNames.For"/> lists for <see cref="Config"/>.</param>
    /// <param name="start">Index of the first element to copy.</param>
    /// <param name="destination">Receives the elements; its length is their number.</param>
    /// <exception cref="KeyNotFoundException">There is no weight with that name.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The requested elements extend past the weight's end.</exception>
    void Read(string name, long start, Span<float> destination);
}
