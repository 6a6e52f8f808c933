namespace MLNet.Gpt.Tokenization;

/// <summary>The check of token ids that all entry points of the library share.</summary>
internal static class TokenIds
{
    /// <summary>
    /// Copies ids and checks the copy, so that changes that a caller makes to the original meanwhile cannot get past
    /// the check.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    public static int[] Copy(ReadOnlySpan<int> ids, int vocabularySize, string parameterName)
    {
        int[] copy = ids.ToArray();
        Validate(copy, vocabularySize, parameterName);
        return copy;
    }

    /// <summary>Throws if an id is outside 0 … V − 1, naming the id, its position and the limit.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    public static void Validate(ReadOnlySpan<int> ids, int vocabularySize, string parameterName)
    {
        for (int i = 0; i < ids.Length; i++)
        {
            if ((uint)ids[i] >= (uint)vocabularySize)
            {
                throw new ArgumentOutOfRangeException(
                    parameterName,
                    ids[i],
                    $"Token id {ids[i]} at position {i} is outside the vocabulary; ids run from 0 to {vocabularySize - 1}.");
            }
        }
    }
}
