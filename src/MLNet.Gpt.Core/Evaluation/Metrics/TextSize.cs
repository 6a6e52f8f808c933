using System.Text;

namespace MLNet.Gpt.Evaluation.Metrics;

/// <summary>
/// The size of a text in the units that losses are divided by: independent of any tokenizer, and additive over
/// documents.
/// </summary>
/// <param name="ByteCount">UTF-8 bytes; an unpaired surrogate counts as U+FFFD, 3 bytes.</param>
/// <param name="CharacterCount">
/// Unicode scalar values (code points): an emoji of one code point is one character, however many bytes or tokens it
/// takes.
/// </param>
/// <param name="WordCount">Words, as <see cref="CountWords"/> counts them.</param>
internal readonly record struct TextSize(long ByteCount, long CharacterCount, long WordCount)
{
    /// <summary>Adds the sizes of two parts of a text.</summary>
    public static TextSize operator +(TextSize left, TextSize right) =>
        new(left.ByteCount + right.ByteCount, left.CharacterCount + right.CharacterCount, left.WordCount + right.WordCount);

    /// <summary>Measures a text.</summary>
    public static TextSize Of(ReadOnlySpan<char> text) => new(Encoding.UTF8.GetByteCount(text), CountCharacters(text), CountWords(text));

    /// <summary>
    /// Counts the parts between runs of white space, including an empty word at either end: one more than there are
    /// runs, and 0 for an empty text.
    /// </summary>
    /// <remarks>
    /// The definition of lm-evaluation-harness, <c>len(re.split(r"\s+", text))</c>, so that word perplexities are
    /// comparable with published ones; but an empty text has no words here and one there.
    /// </remarks>
    public static long CountWords(ReadOnlySpan<char> text) => text.IsEmpty ? 0 : 1 + CountSpaces(text);

    /// <summary>
    /// Counts the words that end after one index and not after another; −1 is before the text, where an empty first word would end. The
    /// parts of a text then have as many words together as the text.
    /// </summary>
    public static long CountWordsEnding(ReadOnlySpan<char> text, int after, int until)
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

    /// <summary>Counts Unicode scalar values.</summary>
    public static long CountCharacters(ReadOnlySpan<char> text)
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

    // Python's \s includes the four information separators in addition to Unicode's white space.
    private static bool IsSpace(char character) => char.IsWhiteSpace(character) || character is >= '\x1c' and <= '\x1f';
}
