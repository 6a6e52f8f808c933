using System.Text;

namespace MLNet.Gpt;

/// <summary>
/// How long a text is in the units that losses are divided by: independent of any tokenizer, and additive over
/// documents.
/// </summary>
/// <param name="ByteCount">UTF-8 bytes; a surrogate without its other half counts as U+FFFD, 3 bytes.</param>
/// <param name="CharacterCount">
/// Unicode scalar values (code points): an emoji of one code point is one character, however many bytes or tokens it
/// takes.
/// </param>
/// <param name="WordCount">Words, as <see cref="CountWords"/> counts them.</param>
public readonly record struct TextSize(long ByteCount, long CharacterCount, long WordCount)
{
    /// <summary>The size of a text.</summary>
    public static TextSize Of(ReadOnlySpan<char> text) => new(Encoding.UTF8.GetByteCount(text), CountCharacters(text), CountWords(text));

    /// <summary>
    /// The pieces between runs of white space, empty ones at the ends included: one more than there are runs, and 0 of an empty text.
    /// </summary>
    /// <remarks>
    /// The definition of lm-evaluation-harness, <c>len(re.split(r"\s+", text))</c>, so that word perplexities can be put beside published
    /// ones; but an empty text has no word here and one there.
    /// </remarks>
    public static long CountWords(ReadOnlySpan<char> text) => text.IsEmpty ? 0 : 1 + CountSpaces(text);

    /// <summary>
    /// Words of a text that end after one place and not after another; −1 is before the text, where an empty first word would end.
    /// Pieces of a text so have as many words as the text.
    /// </summary>
    internal static long CountWordsEnding(ReadOnlySpan<char> text, int after, int until)
    {
        // A word ends where a run of white space begins, and the last one with the text.
        if (text.IsEmpty || until <= after) return 0;
        long words = until == text.Length ? 1 : 0;
        for (int i = after + 1; i <= until && i < text.Length; i++)
        {
            if (IsSpace(text[i]) && (i == 0 || !IsSpace(text[i - 1]))) words++;
        }

        return words;
    }

    /// <summary>Unicode scalar values of a text.</summary>
    internal static long CountCharacters(ReadOnlySpan<char> text)
    {
        long count = text.Length;
        for (int i = 0; i + 1 < text.Length; i++)
        {
            int step = text[i..].IndexOfAnyInRange('\uD800', '\uDBFF');
            if (step < 0) break;
            i += step;
            if (i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                count--;
                i++;
            }
        }

        return count;
    }

    private static long CountSpaces(ReadOnlySpan<char> text)
    {
        long runs = 0;
        bool inside = false;
        foreach (char character in text)
        {
            bool isSpace = IsSpace(character);
            if (isSpace && !inside) runs++;
            inside = isSpace;
        }

        return runs;
    }

    // Python's \s has the four information separators beside the white space of Unicode.
    private static bool IsSpace(char character) => char.IsWhiteSpace(character) || character is >= '\x1c' and <= '\x1f';
}
