namespace MLNet.Gpt;

/// <summary>Decodes ids one at a time, holding back bytes until they form whole characters. Not thread-safe.</summary>
public interface ITokenStreamDecoder
{
    /// <summary>Takes the next id and returns the text that is now complete, possibly empty.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    string Append(int id);

    /// <summary>
    /// Ends the stream and returns what was held back; incomplete bytes decode to U+FFFD. The decoder can then be
    /// reused.
    /// </summary>
    string Flush();
}
