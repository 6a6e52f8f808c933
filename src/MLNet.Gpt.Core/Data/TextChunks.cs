namespace MLNet.Gpt.Data;

/// <summary>Cuts a text that is too long for memory where no tokenizer would join the two sides.</summary>
internal static class TextChunks
{
    /// <summary>
    /// Pieces of a text. A cut stands before a blank that follows something else: there every token of GPT-2's splitting ends,
    /// and every word.
    /// </summary>
    /// <param name="reader">The text.</param>
    /// <param name="length">Characters in a piece, about; more where there is no such place.</param>
    public static IEnumerable<string> Read(TextReader reader, int length)
    {
        char[] buffer = new char[length];
        int filled = 0;
        while (true)
        {
            int read = reader.ReadBlock(buffer, filled, buffer.Length - filled);
            filled += read;
            if (filled < buffer.Length) break;

            int cut = LastCut(buffer);
            if (cut == 0)
            {
                Array.Resize(ref buffer, checked(buffer.Length * 2));
                continue;
            }

            yield return new string(buffer, 0, cut);
            filled -= cut;
            Array.Copy(buffer, cut, buffer, 0, filled);
        }

        if (filled > 0) yield return new string(buffer, 0, filled);
    }

    private static int LastCut(ReadOnlySpan<char> text)
    {
        for (int i = text.Length - 1; i > 0; i--)
        {
            if (char.IsWhiteSpace(text[i]) && !char.IsWhiteSpace(text[i - 1])) return i;
        }

        return 0;
    }
}
