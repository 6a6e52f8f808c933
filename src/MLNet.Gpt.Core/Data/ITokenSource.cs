namespace MLNet.Gpt;

/// <summary>The tokens of a text, wherever they are stored. Thread-safe.</summary>
public interface ITokenSource
{
    /// <summary>Number of tokens.</summary>
    long Count { get; }

    /// <summary>Copies the ids of tokens.</summary>
    /// <param name="start">Index of the first token to copy.</param>
    /// <param name="destination">Receives as many ids as it is long.</param>
    /// <exception cref="ArgumentOutOfRangeException">The requested tokens extend past the end.</exception>
    void Read(long start, Span<int> destination);
}
