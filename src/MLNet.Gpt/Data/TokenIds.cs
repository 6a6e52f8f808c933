namespace MLNet.Gpt.Data;

/// <summary>The check of token ids that every entry to the library shares.</summary>
internal static class TokenIds
{
    /// <summary>Throws where an id lies outside 0 … V − 1, naming the id, its position and the limit.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    public static void Validate(ReadOnlySpan<int> ids, int vocabularySize, string parameterName)
    {
        for (int i = 0; i < ids.Length; i++)
        {
            if ((uint)ids[i] >= (uint)vocabularySize)
            {
                throw new ArgumentOutOfRangeException(
                    parameterName, ids[i], $"Token id {ids[i]} at position {i} is outside the vocabulary; ids run from 0 to {vocabularySize - 1}.");
            }
        }
    }
}
