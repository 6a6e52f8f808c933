namespace MLNet.Gpt.Data;

/// <summary>Splits a text that is too long for memory at places that no token spans.</summary>
internal static class TextChunks
{
    /// <summary>
    /// Reads a text in chunks. It is split before white space that follows another character, where every piece ends into
    /// which a supported tokenizer splits text, and every word. Before a line ending, the character must be a letter or a
    /// digit: Llama 3's pieces of punctuation include the line endings after it.
    /// </summary>
    /// <param name="reader">The text.</param>
    /// <param name="length">Approximate number of characters per chunk; more if there is no such place.</param>
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
            if (!char.IsWhiteSpace(text[i]) || char.IsWhiteSpace(text[i - 1])) continue;
            if (text[i] is not ('\r' or '\n') || char.IsLetterOrDigit(text[i - 1])) return i;
        }

        return 0;
    }
}
